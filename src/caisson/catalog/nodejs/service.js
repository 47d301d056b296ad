// A service in Node.js: `node service.js PORT KEYFILE`.
//
// GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS 1.2 or
// newer only; a request has at most 64 KiB and ten seconds.
'use strict';

const { createHmac } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');

const MOST_BODY = 64 * 1024;
const PATIENCE = 10_000;

const [port, keyFile] = process.argv.slice(2);
const key = readFileSync(keyFile);

function answer(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'text/plain' });
  response.end(`${text}\n`);
}

function seal(request, response) {
  const code = createHmac('sha256', key);
  let size = 0;
  request.on('data', (chunk) => {
    size += chunk.length;
    if (size <= MOST_BODY) code.update(chunk);
  });
  request.on('end', () => {
    if (size > MOST_BODY) answer(response, 413, 'at most 65536 bytes are taken');
    else answer(response, 200, code.digest('hex'));
  });
}

const server = createServer(
  {
    cert: readFileSync('/run/caisson/tls/certificate.pem'),
    key: readFileSync('/run/caisson/tls/key.pem'),
    minVersion: 'TLSv1.2',
    requestTimeout: PATIENCE,
    connectionsCheckingInterval: PATIENCE,
  },
  (request, response) => {
    if (request.url === '/healthz') answer(response, 200, 'ok');
    else if (request.url !== '/seal') answer(response, 404, 'not found');
    else if (request.method !== 'POST') answer(response, 405, 'only POST is taken');
    else seal(request, response);
  },
);

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(port));
