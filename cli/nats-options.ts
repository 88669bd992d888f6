import type { Arguments } from 'yargs'

/** How the flags are called behind the `?` of a nats transport. */
const NAMES = {
  'nats-user': 'user',
  'nats-password-file': 'password',
  'nats-token-file': 'token',
  'nats-nkey': 'nkey',
  'nats-creds': 'creds',
  'nats-ca': 'ca',
  'nats-cert': 'cert',
  'nats-key': 'key',
} as const

/** Makes the `--nats-...` flags a part of the transport that they are about. They name files: no secret passes here. */
export function natsOptions(argv: Arguments): void {
  const given = Object.entries(NAMES).flatMap(([flag, name]) =>
    typeof argv[flag] === 'string' ? [{ flag, name, value: argv[flag] }] : [],
  )
  const [first] = given
  if (first === undefined) return
  const transport = String(argv['transport'] ?? 'tcp')
  if (!transport.startsWith('nats:'))
    throw new Error(`--${first.flag} is about a NATS broker: name it by --transport nats://host:port`)
  const query = new URLSearchParams(given.map(({ name, value }): [string, string] => [name, value]))
  argv['transport'] = `${transport}${transport.includes('?') ? '&' : '?'}${query}`
  for (const { flag } of given) delete argv[flag]
}
