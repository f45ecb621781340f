//! The names of fields that are in many profiles have numbers, and are stored as these.
//!
//! They are those of XDM's field groups for persons: demographic details, contact details, loyalty,
//! consents and preferences. Any other name is stored as it is.
//!
//! Invariant: the list is a part of the format. A name may be added at its end; none may be moved
//! or taken away, or stored profiles would have other fields.

/// By number. Those that come first take one byte.
const NAMES: &[&str] = &[
    "person",
    "name",
    "firstName",
    "lastName",
    "birthDate",
    "birthYear",
    "birthDayAndMonth",
    "gender",
    "nationality",
    "maritalStatus",
    "homeAddress",
    "street1",
    "city",
    "postalCode",
    "country",
    "countryCode",
    "state",
    "stateProvince",
    "region",
    "personalEmail",
    "address",
    "mobilePhone",
    "number",
    "preferredLanguage",
    "timeZone",
    "loyalty",
    "loyaltyID",
    "tier",
    "points",
    "status",
    "joinDate",
    "program",
    "consents",
    "marketing",
    "email",
    "sms",
    "push",
    "call",
    "postalMail",
    "any",
    "preferred",
    "val",
    "time",
    "reason",
    "collect",
    "share",
    "personalize",
    "content",
    "metadata",
    "language",
    "optInOut",
    "_repo",
    "createDate",
    "modifyDate",
    "_id",
    "id",
    "type",
    "primary",
    "label",
    "value",
    "date",
    "amount",
    "currencyCode",
    "workEmail",
    "workPhone",
    "homePhone",
    "faxPhone",
    "workAddress",
    "mailingAddress",
    "billingAddress",
    "shippingAddress",
    "street2",
    "street3",
    "postOfficeBox",
    "extension",
    "fullName",
    "middleName",
    "courtesyTitle",
    "suffix",
    "taxId",
    "birthDay",
    "birthMonth",
    "pointsExpiration",
    "pointsExpirationDate",
    "pointsRedeemed",
    "returns",
    "upgradeDate",
    "cardID",
    "directMarketing",
    "fax",
    "whatsApp",
    "subscriptions",
    "subscribers",
    "idSpecific",
    "adID",
];

/// The number of a name, if it has one.
pub(super) fn number_of(name: &str) -> Option<u64> {
    NAMES.iter().position(|known| *known == name).map(|number| number as u64)
}

/// The name with a number.
pub(super) fn name_of(number: u64) -> Option<&'static str> {
    NAMES.get(usize::try_from(number).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_number() {
        for (number, name) in (0..).zip(NAMES.iter().copied()) {
            assert_eq!(number_of(name), Some(number), "{name} is there twice");
            assert_eq!(name_of(number), Some(name));
        }
        assert_eq!(number_of("firstname"), None);
        assert_eq!(name_of(NAMES.len() as u64), None);
    }
}
