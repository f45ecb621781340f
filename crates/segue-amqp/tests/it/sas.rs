//! Tokens and connection strings.

use segue_amqp::client::Namespace;
use segue_amqp::sas::{ConnectionString, ConnectionStringError, SasError, SasToken, sign};

const KEY: &str = "SAS_KEY_VALUE";
const POLICY: &str = "RootManageSharedAccessKey";
const EXPIRY_S: u64 = 1_893_456_000;

/// What `generate_sas_token` of the Python SDK gives for `sb://localhost:5673/eh1`.
const PYTHON: &str = "SharedAccessSignature sr=sb%3A%2F%2Flocalhost%3A5673%2Feh1\
    &sig=O2Rhh8RAkj4d1A2PagY5V9zDf5%2BGOMSN%2FkP4nco1Bgk%3D\
    &se=1893456000&skn=RootManageSharedAccessKey";

#[test]
fn tokens_are_those_of_the_python_sdk() {
    assert_eq!(sign("sb://localhost:5673/eh1", POLICY, KEY, EXPIRY_S), PYTHON);
}

#[test]
fn tokens_are_verified_as_received() {
    let token = SasToken::parse(PYTHON).unwrap();
    assert_eq!(token.audience(), "sb://localhost:5673/eh1");
    assert_eq!(token.policy(), POLICY);
    assert_eq!(token.expiry_s(), EXPIRY_S);
    assert_eq!(token.verify(KEY, EXPIRY_S), Ok(()));
    let wrong = SasError::WrongSignature { policy: POLICY.into() };
    assert_eq!(token.verify("another", EXPIRY_S), Err(wrong.clone()));
    let expired = SasError::Expired { expiry_s: EXPIRY_S };
    assert_eq!(token.verify(KEY, EXPIRY_S + 1), Err(expired));

    // The same audience in lower-case encoding is another text: its signature does not match.
    let recoded = PYTHON.replace("%3A%2F%2F", "%3a%2f%2f");
    assert_eq!(SasToken::parse(&recoded).unwrap().verify(KEY, 0), Err(wrong.clone()));
    let prolonged = PYTHON.replace("1893456000", "1893456001");
    assert_eq!(SasToken::parse(&prolonged).unwrap().verify(KEY, 0), Err(wrong));
}

#[test]
fn parts_of_a_token_may_come_in_any_order() {
    let (head, parts) = PYTHON.split_once(' ').unwrap();
    let reversed: Vec<&str> = parts.split('&').rev().collect();
    let token = SasToken::parse(&format!("{head} {}", reversed.join("&"))).unwrap();
    assert_eq!(token.verify(KEY, 0), Ok(()));
}

#[test]
fn malformed_tokens_name_the_part() {
    let error = |token: &str| SasToken::parse(token).unwrap_err();
    assert_eq!(error("Bearer x"), SasError::NoSignature);
    assert_eq!(error("SharedAccessSignature sr=a&se=1&skn=p"), SasError::MissingPart("sig"));
    let token = "SharedAccessSignature sr=a&sig=!&se=1&skn=p";
    assert_eq!(error(token), SasError::MalformedPart("sig"));
    let token = "SharedAccessSignature sr=a&sig=AAAA&se=soon&skn=p";
    assert_eq!(error(token), SasError::MalformedPart("se"));
}

#[test]
fn tokens_cover_what_lies_below_their_audience() {
    let covers = |audience: &str, path: &str| {
        SasToken::parse(&sign(audience, POLICY, KEY, 1)).unwrap().covers(path)
    };
    let receiver = "eh1/ConsumerGroups/$Default/Partitions/0";
    assert!(covers("sb://localhost:5673/eh1", "eh1"));
    assert!(covers("sb://localhost:5673/EH1/", receiver));
    assert!(covers("amqps://ns.servicebus.windows.net/eh1/consumergroups/$default", receiver));
    assert!(covers("ns.servicebus.windows.net", receiver));
    assert!(covers("sb://ns.servicebus.windows.net/", receiver));
    assert!(covers("ns.servicebus.windows.net/eh1", receiver));
    assert!(!covers("sb://localhost/eh1", "eh11"));
    assert!(!covers("sb://localhost/eh2", receiver));
    assert!(!covers("sb://localhost/eh1/Partitions/0", "eh1"));
}

const EMULATOR: &str = "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;\
    SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;";

#[test]
fn connection_strings_are_read() {
    let emulator = ConnectionString::parse(EMULATOR).unwrap();
    assert_eq!((emulator.host(), emulator.port()), ("localhost", None));
    assert_eq!((emulator.policy(), emulator.key()), (POLICY, KEY));
    assert_eq!(emulator.entity_path(), None);
    assert!(emulator.is_emulator());

    let azure = ConnectionString::parse(
        "endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=p;\
         SharedAccessKey=abc=;EntityPath=hub;TransportType=Amqp",
    )
    .unwrap();
    assert_eq!((azure.host(), azure.port()), ("ns.servicebus.windows.net", None));
    assert_eq!(azure.key(), "abc=");
    assert_eq!(azure.entity_path(), Some("hub"));
    assert!(!azure.is_emulator());
}

#[test]
fn the_port_follows_from_what_is_spoken() {
    let port = |text: &str| {
        let text = format!("Endpoint=sb://{text};SharedAccessKeyName=p;SharedAccessKey=k");
        Namespace::from(&ConnectionString::parse(&text).unwrap()).port()
    };
    assert_eq!(port("localhost"), 5671);
    assert_eq!(port("localhost;UseDevelopmentEmulator=true"), 5672);
    assert_eq!(port("ns.servicebus.windows.net;TransportType=AmqpWebSockets"), 443);
    assert_eq!(port("[::1]:9;UseDevelopmentEmulator=true"), 9);
}

#[test]
fn errors_name_what_is_missing_and_never_show_the_key() {
    let error = |text: &str| ConnectionString::parse(text).unwrap_err();
    let missing = ConnectionStringError::Missing;
    assert_eq!(error(""), missing("Endpoint"));
    assert_eq!(error("Endpoint=sb://h"), missing("SharedAccessKeyName"));
    let no_key = "Endpoint=sb://h;SharedAccessKeyName=p;SharedAccessKey=";
    assert_eq!(error(no_key), missing("SharedAccessKey"));
    let endpoint = ConnectionStringError::Endpoint("localhost".into());
    assert_eq!(error("Endpoint=localhost"), endpoint);
    assert!(matches!(error("Endpoint=sb://h:port"), ConnectionStringError::Endpoint(_)));
    let no_value = error("Endpoint=sb://h;SECRET");
    assert_eq!(no_value, ConnectionStringError::NoValue { position: 2 });
    assert!(!no_value.to_string().contains("SECRET"));
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let shown = format!("{:?}", ConnectionString::parse(EMULATOR).unwrap());
    assert!(!shown.contains(KEY) && shown.contains("localhost"), "{shown}");
    let shown = format!("{:?}", SasToken::parse(PYTHON).unwrap());
    assert!(!shown.contains("O2Rh") && !shown.contains("mac"), "{shown}");
}
