/** Requests for the http door, most of them wrong. */
import type { Rng } from '../../simulator/kernel/rng.ts'
import { changedOnce, randomBytes } from '../mutations.ts'

const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PRI',
  'get',
  '',
]
const PATHS = [
  ...['/healthz', '/readyz', '/metrics', '/status', '/', '//', '/..', '/%', '/%00', '/%ff%fe', '*', ''],
  ...['http://x/status', 'http://[::1', '/status?x=1', '/status#x', '/__proto__', '/constructor', '/backup'],
  ...[
    '/backup?chain=',
    '/backup?chain=../..',
    '/backup?chain=c9',
    `/${'x'.repeat(9000)}`,
    `/?${'a&'.repeat(2000)}`,
  ],
]
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', '']
const HEADERS = [
  ...[
    'Host: x',
    'Host: x',
    'Host: x',
    'Host:',
    'Connection: close',
    'Connection: upgrade',
    'Upgrade: websocket',
  ],
  ...[
    'Content-Length: 10',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Expect: 100-continue',
  ],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Authorization: Basic !!!', 'Range: bytes=0-'],
  ...['Authorization: Basic YWRtaW46YWRtaW4=', 'Accept-Encoding: gzip', 'X: \0', ' folded', ':', 'no colon'],
  ...['Content-Encoding: gzip', `X-Long: ${'y'.repeat(9_000)}`],
]
const BODIES = ['', '', '', '0\r\n\r\n', 'ffffffff\r\n', '5\r\nhello\r\n', 'zz\r\n', 'x'.repeat(2000)]
const NUMBERS = [0, 0x0d0a0d0a, 0x20202020, -1, 0x0a0a0a0a]

/** Some requests behind each other. Each has at least one thing wrong, or asks for something that nobody should. */
export function httpRequests(rng: Rng): { readonly bytes: Uint8Array; readonly requests: number } {
  const requests = rng.scale(1, 5)
  const text = Array.from({ length: requests }, () => requestText(rng)).join('')
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
  const how = rng.fraction()
  if (how < 0.1) return { bytes: randomBytes(rng, rng.scale(1, 400)), requests: 1 }
  if (how < 0.2) return { bytes: bytes.subarray(0, rng.below(bytes.length)), requests }
  if (how < 0.4) return { bytes, requests }
  return {
    bytes: changedOnce(rng, bytes, { headerBytes: 1, numbers: NUMBERS, other: bytes.slice() }),
    requests,
  }
}

function requestText(rng: Rng): string {
  const headers = Array.from({ length: rng.scale(1, rng.chance(0.99) ? 8 : 1000) }, () => rng.pick(HEADERS))
  const line = [rng.pick(METHODS), rng.pick(PATHS), rng.pick(VERSIONS)].join(' ')
  return [line, ...headers, '', rng.pick(BODIES)].join('\r\n')
}
