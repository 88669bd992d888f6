import { CoordinatorError } from './errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

const PORT_DEFAULT = 2181

/** Reads a connect string or a list: `h`, `h:p`, `[::1]:p`, and a chroot behind the last. */
export function parseServers(servers: string | readonly string[]): {
  readonly addresses: readonly Address[]
  readonly chroot: string
} {
  const joined = typeof servers === 'string' ? servers : servers.join(',')
  const slash = joined.indexOf('/')
  const list = slash < 0 ? joined : joined.slice(0, slash)
  const chroot = slash < 0 ? '' : joined.slice(slash)
  const addresses = list
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => parseAddress(one.trim()))
  if (addresses.length === 0) {
    throw new CoordinatorError(
      'BAD_ARGUMENTS',
      `no coordinator is named in "${joined}"; expected host:port,host:port`,
    )
  }
  return { addresses, chroot: normalizedChroot(chroot) }
}

/** `/app/` and `/app` are `/app`, `/` is none. */
export function normalizedChroot(chroot: string): string {
  const trimmed = chroot.replace(/\/+$/, '')
  if (trimmed !== '' && !trimmed.startsWith('/')) {
    throw new CoordinatorError('BAD_ARGUMENTS', `a chroot starts with "/", unlike "${chroot}"`)
  }
  return trimmed
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? PORT_DEFAULT : Number(match[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CoordinatorError('BAD_ARGUMENTS', `"${text}" is no host:port`)
  }
  return { host, port }
}
