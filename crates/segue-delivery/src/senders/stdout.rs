//! `type: stdout`: JSON lines on the standard output of the server, for whoever collects that.

use std::io::{self, Write};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::json_lines;
use crate::sender::{Exchange, OutboundMessage, Sender, Sent, Terms};

pub(super) struct StdoutSender;

impl Sender for StdoutSender {
    fn terms(&self) -> Terms {
        json_lines::TERMS
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        json_lines::write(json_lines::lines(batch), write).boxed()
    }

    fn test<'a>(&'a self, message: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        let sent = self.send(std::slice::from_ref(message));
        sent.map(|sent| json_lines::exchange("standard output", message, sent)).boxed()
    }
}

fn write(lines: &[Vec<u8>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| out.write_all(line))?;
    out.flush()
}
