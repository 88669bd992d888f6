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

const given = (argv: Arguments) =>
  Object.entries(NAMES).flatMap(([flag, name]) =>
    typeof argv[flag] === 'string' ? [{ flag, name, value: argv[flag] }] : [],
  )

/** Makes the `--nats-...` flags a part of the transport that they are about. They name files: no secret passes here. */
export function natsOptions(argv: Arguments): void {
  const flags = given(argv)
  const transport = String(argv['transport'] ?? 'tcp')
  if (flags.length === 0 || !transport.startsWith('nats:')) return
  const query = new URLSearchParams(flags.map(({ name, value }): [string, string] => [name, value]))
  argv['transport'] = `${transport}${transport.includes('?') ? '&' : '?'}${query}`
  for (const { flag } of flags) delete argv[flag]
}

/** Those that `natsOptions` has left have no broker that they could be about. */
export function refuseNatsWithoutBroker(argv: Arguments): true {
  const [first] = given(argv)
  if (first === undefined) return true
  throw new Error(`--${first.flag} is about a NATS broker: name it by --transport nats://host:port`)
}
