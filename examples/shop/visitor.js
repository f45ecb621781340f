// Who is visiting: a 38-digit ECID that stays in this browser, and after login email and phone.

const ECID_DIGITS = 38;
const ECID_KEY = "shop.ecid";
const LOGIN_KEY = "shop.login";

/** The visitor's ECID; a new one at the first visit. */
export function ecid() {
  const known = localStorage.getItem(ECID_KEY);
  if (known) return known;
  const fresh = newEcid();
  localStorage.setItem(ECID_KEY, fresh);
  return fresh;
}

/** What the visitor logged in with, `{email, phone}`, or null. */
export function login() {
  return JSON.parse(localStorage.getItem(LOGIN_KEY));
}

export function logIn(email, phone) {
  localStorage.setItem(LOGIN_KEY, JSON.stringify({ email: email.trim(), phone: phone.trim() }));
}

export function logOut() {
  localStorage.removeItem(LOGIN_KEY);
}

/** Forgets everything: the next page view comes from somebody never seen before. */
export function becomeNewVisitor() {
  logOut();
  localStorage.removeItem(ECID_KEY);
}

/** The XDM identityMap of this visitor, as every event carries it. */
export async function identityMap() {
  const map = { ECID: [{ id: ecid(), primary: true }] };
  const known = login();
  if (known) {
    map.Email = [{ id: known.email }];
    map.Email_LC_SHA256 = [{ id: await sha256(known.email.trim().toLowerCase()) }];
    map.Phone = [{ id: known.phone }];
  }
  return map;
}

function newEcid() {
  const random = crypto.getRandomValues(new Uint8Array(ECID_DIGITS));
  const digits = Array.from(random, (byte) => byte % 10);
  digits[0] ||= 1;
  return digits.join("");
}

// crypto.subtle exists on localhost and over HTTPS only; the shop is served from localhost.
async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
