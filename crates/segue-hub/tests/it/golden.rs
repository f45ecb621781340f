//! The bytes of the broker's side of a connection, as clients have been seen to need them.

use segue_amqp::frame::{Attach, Begin, Open, ProtocolHeader, Role, SaslInit, Source, Target};

use crate::client::{Broker, Client};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex
        .lines()
        .map(|line| line.split("//").next().unwrap())
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[tokio::test]
async fn a_pipelined_beginning() {
    let broker = Broker::start().await;
    let mut client = Client::dial(&broker).await;
    // As Python's client does: everything at once, before any answer.
    let mut hello = Vec::new();
    hello.extend(ProtocolHeader::Sasl.bytes());
    SaslInit { mechanism: "ANONYMOUS".into(), ..SaslInit::default() }.encode(&mut hello);
    hello.extend(ProtocolHeader::Amqp.bytes());
    Open { container_id: "c".into(), ..Open::default() }.encode(0, &mut hello);
    Begin { incoming_window: 100, ..Begin::default() }.encode(3, &mut hello);
    let attach = Attach {
        source: Some(Source::at("me")),
        target: Some(Target::at("$cbs")),
        initial_delivery_count: Some(0),
        ..Attach::new("l", 2, Role::Sender)
    };
    attach.encode(3, &mut hello);
    client.send_bytes(&hello).await;

    let expected = bytes(
        "414d5150 03010000                                   // AMQP, SASL
         0000003f 02010000 005340 d0 0000002f 00000001       // mechanisms: one field, an array
           f0 00000026 00000004 a3
           07 4d535342434253                                 // of four symbols: MSSBCBS,
           05 504c41494e                                     // PLAIN,
           09 414e4f4e594d4f5553                             // ANONYMOUS,
           08 45585445524e414c                               // EXTERNAL
         00000020 02010000 005344 d0 00000010 00000002       // outcome
           5000 a008 57656c636f6d6521                        // ok, Welcome!
         414d5150 00010000                                   // AMQP
         0000002e 02000000 005310 d0 0000001e 0000000a       // open: ten fields
           a105 7365677565 40 7000010000 601387              // segue, 65536, 4999,
           700003a980 40 40 40 40 40                         // 240000 ms
         00000028 02000003 005311 d0 00000018 00000008       // begin: eight
           600003 5201 7000001388 7000001388 52ff 40 40 40   // channel 3, 1, 5000, 5000, 255
        ",
    );
    assert_eq!(client.bytes(expected.len()).await, expected);

    let expected = bytes(
        "0000005f 02000003 005312 d0 0000004f 0000000e       // attach: fourteen
           a1016c 5202 41 5002 5000                          // l, handle 2, receiver
           005328 d0 00000012 0000000b                       // source: eleven fields
             a1026d65 40 40 40 40 40 40 40 40 40 40
           005329 d0 00000010 00000007                       // target: seven
             a10424636273 40 40 40 40 40 40
           40 40 40 80 0000000000100000 40 40 40             // no count, 1 MiB
         0000002d 02000003 005313 d0 0000001d 0000000b       // flow: eleven
           43 7000001388 5201 7000001388 5202 43 70000003e8 40 42 42 40
        ",
    );
    assert_eq!(client.bytes(expected.len()).await, expected);
}

#[tokio::test]
async fn what_is_not_amqp_is_hung_up_on() {
    let broker = Broker::start().await;
    let mut client = Client::dial(&broker).await;
    client.send_bytes(b"GET / HTTP/1.1\r\n\r\n").await;
    client.hung_up().await;
}
