// The floor: what node:https, JSON.parse and a constant patch cost, with no work at all.
// Usage: node bench/subjects/floor.ts PORT CERT KEY
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, cert = '', key = ''] = process.argv.slice(2);
const patch = Buffer.from('[{"op":"add","path":"/metadata/labels/floor","value":"true"}]').toString('base64');

createServer({ cert: readFileSync(cert), key: readFileSync(key), keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const review = JSON.parse(Buffer.concat(chunks).toString()) as { readonly request: { readonly uid: string } };
    const body = JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch },
    });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(Number(port), '127.0.0.1');
