'use strict';
// The wire between the host (Rust, crates/segue-functions/src/worker) and this worker.
//
//   +----------------+---------------------------+
//   | u32 big endian | that many bytes of JSON   |   one frame, both directions
//   +----------------+---------------------------+
//
// host -> worker   init{id,dir,hostVersion,waitForDebugger}  invoke{id,...}  terminate{id}
// worker -> host   hello{token,pid,node,inspector}   result{id,value}  error{id,error}
//                  log{invocationId?,level,category,message}  crash{invocationId?,error}
//
// Values of bindings travel as "typed data": an object with one key that names the type
// (string, json, bytes, int, double, collectionString, collectionBytes, collectionSint64).
// Bytes are base64 in JSON, and Buffers on this side of `fromWire` and `toWire`.

const net = require('net');
const util = require('util');

const HEADER_BYTES = 4;

/** Cuts a byte stream into frames; `onFrame` gets each one parsed. */
function frameReader(onFrame) {
  let chunks = [];
  let buffered = 0;
  return (chunk) => {
    chunks.push(chunk);
    buffered += chunk.length;
    while (buffered >= HEADER_BYTES) {
      if (chunks[0].length < HEADER_BYTES) chunks = [Buffer.concat(chunks)];
      const frameBytes = HEADER_BYTES + chunks[0].readUInt32BE(0);
      if (buffered < frameBytes) return;
      const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      onFrame(JSON.parse(bytes.toString('utf8', HEADER_BYTES, frameBytes)));
      chunks = bytes.length === frameBytes ? [] : [bytes.subarray(frameBytes)];
      buffered -= frameBytes;
    }
  };
}

function encodeFrame(message) {
  const bigIntAsText = (_key, value) => (typeof value === 'bigint' ? String(value) : value);
  const body = Buffer.from(JSON.stringify(message, bigIntAsText), 'utf8');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  return Buffer.concat([header, body]);
}

/** Connects to the host; when the connection ends, so does this process. */
function connect(port, onFrame) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('data', frameReader(onFrame));
  socket.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(0));
  return {
    send: (message) => socket.write(encodeFrame(message)),
    sendLast: (message, done) => socket.write(encodeFrame(message), done),
  };
}

/** What was thrown, as the host wants it; user code may throw anything. */
function describeError(thrown) {
  const error = thrown instanceof Error ? thrown : new Error(asText(thrown));
  return {
    message: asText(error.message),
    stack: asText(error.stack ?? ''),
    name: asText(error.name),
  };
}

const asText = (value) => (typeof value === 'string' ? value : util.inspect(value));

function fromWire(data) {
  if (data?.bytes != null) return { bytes: Buffer.from(data.bytes, 'base64') };
  if (data?.collectionBytes != null) {
    const bytes = data.collectionBytes.bytes.map((item) => Buffer.from(item, 'base64'));
    return { collectionBytes: { bytes } };
  }
  return data;
}

const base64 = (bytes) =>
  Buffer.from(bytes.buffer ?? bytes, bytes.byteOffset, bytes.byteLength).toString('base64');

function toWire(data) {
  if (data?.bytes != null) return { bytes: base64(data.bytes) };
  if (data?.stream != null) return { bytes: base64(data.stream) };
  if (data?.collectionBytes != null) {
    return { collectionBytes: { bytes: data.collectionBytes.bytes.map(base64) } };
  }
  return data ?? null;
}

module.exports = { connect, describeError, fromWire, toWire };
