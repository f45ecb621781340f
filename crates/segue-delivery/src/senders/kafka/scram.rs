//! The client's side of SCRAM (RFC 5802, RFC 7677): it proves that it knows the password without
//! telling it, and that the broker knows it too.
//!
//! ```text
//!   n,,n=<name>,r=<ours>                    ─▶
//!                                           ◀─  r=<ours><theirs>,s=<salt>,i=<iterations>
//!   c=biws,r=<ours><theirs>,p=<proof>       ─▶
//!                                           ◀─  v=<signature>
//! ```
//! The password is taken as it is, without SASLprep, as Kafka's own clients do.

use std::num::NonZeroU32;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// Bytes of our part of the number that is used once.
const NONCE_BYTES: usize = 18;

/// Rounds of hashing that a broker may ask for: Kafka has 4096, others up to a million. More would
/// keep this machine busy.
const ITERATIONS_MAX: u32 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn sign(self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hmac(), key), message)
    }
}

/// Before the challenge.
pub(super) struct Scram<'a> {
    hash: Hash,
    password: &'a str,
    nonce: String,
    /// The first message without its head.
    first: String,
}

/// After it.
pub(super) struct Proof {
    /// What to send.
    pub(super) message: String,
    server_key: hmac::Key,
    signed: String,
}

impl<'a> Scram<'a> {
    pub(super) fn new(hash: Hash, username: &str, password: &'a str) -> Result<Self, String> {
        let mut nonce = [0; NONCE_BYTES];
        let filled = SystemRandom::new().fill(&mut nonce);
        filled.map_err(|_| "this machine has no random numbers".to_owned())?;
        Ok(Scram::with_nonce(hash, username, password, BASE64_STANDARD.encode(nonce)))
    }

    fn with_nonce(hash: Hash, username: &str, password: &'a str, nonce: String) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        Scram { hash, password, first: format!("n={username},r={nonce}"), nonce }
    }

    /// The first message: no channel binding, nobody else's name.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// The proof that a challenge asks for.
    pub(super) fn prove(&self, challenge: &[u8]) -> Result<Proof, String> {
        let malformed = || "its challenge is malformed".to_owned();
        let challenge = std::str::from_utf8(challenge).map_err(|_| malformed())?;
        let field = |name: &str| challenge.split(',').find_map(|field| field.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or_else(malformed)?;
        let salt = field("s=").and_then(|salt| BASE64_STANDARD.decode(salt).ok());
        let salt = salt.ok_or_else(malformed)?;
        let iterations: NonZeroU32 =
            field("i=").and_then(|count| count.parse().ok()).ok_or_else(malformed)?;
        if iterations.get() > ITERATIONS_MAX {
            return Err(format!("it asks for {iterations} iterations, {ITERATIONS_MAX} at most"));
        }

        let mut salted = vec![0; self.hash.digest().output_len()];
        let password = self.password.as_bytes();
        pbkdf2::derive(self.hash.pbkdf2(), iterations, &salt, password, &mut salted);
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{unproven}", self.first);
        let client_key = self.hash.sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let signature = self.hash.sign(stored_key.as_ref(), signed.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = pairs.map(|(key, signature)| key ^ signature).collect();
        let server_key = self.hash.sign(&salted, b"Server Key");
        Ok(Proof {
            message: format!("{unproven},p={}", BASE64_STANDARD.encode(proof)),
            server_key: hmac::Key::new(self.hash.hmac(), server_key.as_ref()),
            signed,
        })
    }
}

impl Proof {
    /// Whether the one who answered knows the password, too.
    pub(super) fn verify(&self, answer: &[u8]) -> Result<(), String> {
        let signature = answer.strip_prefix(b"v=");
        let signature = signature.and_then(|text| BASE64_STANDARD.decode(text).ok());
        let is_signed = signature.is_some_and(|signature| {
            hmac::verify(&self.server_key, self.signed.as_bytes(), &signature).is_ok()
        });
        if is_signed { Ok(()) } else { Err("it does not know the password itself".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, 3.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let scram = Scram::with_nonce(Hash::Sha256, "user", "pencil", nonce);
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                          s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = scram.prove(challenge).unwrap();
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        proof.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(proof.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=").is_err());
        assert!(proof.verify(b"e=other-error").is_err());
    }

    #[test]
    fn a_challenge_that_cannot_be_for_us_is_refused() {
        let scram = Scram::with_nonce(Hash::Sha512, "a,b=c", "p", "ours".to_owned());
        assert_eq!(scram.first(), "n,,n=a=2Cb=3Dc,r=ours");
        let challenges = [
            "",
            "r=theirs,s=AA==,i=1",
            "r=ours1,s=!,i=1",
            "r=ours1,s=AA==,i=0",
            "r=ours1,s=AA==,i=2000000",
        ];
        for challenge in challenges {
            assert!(scram.prove(challenge.as_bytes()).is_err(), "{challenge}");
        }
        assert!(scram.prove(b"r=ours1,s=AA==,i=1").is_ok());
    }
}
