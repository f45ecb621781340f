//! What cannot work is said at the start: what, where, and which setting to change.

use std::net::TcpListener;

use crate::running::{said, segue};

fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = segue().args(arguments).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    said(&output)
}

#[test]
fn a_taken_port_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let amqp = refused(&["serve", "--http", "127.0.0.1:0", "--amqp", &address]);
    assert!(amqp.contains(&address) && amqp.contains("listen.amqp"), "{amqp}");
    let http = refused(&["serve", "--amqp", "127.0.0.1:0", "--http", &address]);
    assert!(http.contains(&address) && http.contains("listen.http"), "{http}");
    let hub = refused(&["hub", "--amqp", &address]);
    assert!(hub.contains(&address) && hub.contains("listen.amqp"), "{hub}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    // Not even root may make a directory there.
    let said =
        refused(&["serve", "--http", "127.0.0.1:0", "--amqp", "127.0.0.1:0", "--data", "/proc/x"]);
    assert!(said.contains("/proc/x"), "{said}");
}

#[test]
fn an_open_address_is_refused_without_authentication() {
    let said = refused(&["serve", "--amqp", "127.0.0.1:0", "--http", "0.0.0.0:0"]);
    assert!(said.contains("0.0.0.0"), "{said}");
    let said = refused(&["hub", "--amqp", "0.0.0.0:0"]);
    assert!(said.contains("0.0.0.0"), "{said}");
}

#[test]
fn a_demo_without_its_app_is_refused() {
    let said = refused(&["demo", "--once", "--app", "not-here"]);
    assert!(said.contains("not-here is no Azure Functions app"), "{said}");
}

#[test]
fn no_server_is_said_with_what_to_do() {
    let said = refused(&["get", "audiences", "--url", "http://127.0.0.1:1"]);
    assert!(said.contains("segue serve"), "{said}");
}
