/** Nobody listens to the whole network by accident: where nobody has to prove who he is, only this machine is heard. */
import { lookup } from 'node:dns/promises'
import { BlockList } from 'node:net'
import { UsageError } from './arguments.ts'

export const insecureOption = {
  insecure: {
    type: 'boolean',
    default: false,
    describe:
      'Listen on other than loopback addresses although everybody may do everything (no --secret-file)',
  },
} as const

export interface BindArguments {
  readonly insecure: boolean
  readonly 'secret-file'?: string | undefined
  readonly 'tls-mutual'?: boolean | undefined
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * @param host - as `listen` takes it: an address or a name. A name is loopback where all of its addresses are.
 * @param option - the flag that it came by.
 * @throws {UsageError} others than this machine could reach it, and nothing would ask them who they are.
 *
 * @example
 * await refuseOpenBind(args, args.host, '--host')
 */
export async function refuseOpenBind(args: BindArguments, host: string, option: string): Promise<void> {
  if (args.insecure || args['secret-file'] !== undefined || args['tls-mutual'] === true) return
  if (await isLoopback(host)) return
  throw new UsageError(
    `${option} ${host}: whoever reaches that address could read, change and delete everything. Give --secret-file FILE (\`catenary secret\` makes one), ` +
      'or listen on 127.0.0.1; --insecure listens there all the same',
  )
}

async function isLoopback(host: string): Promise<boolean> {
  // A name that nobody knows cannot be listened on: `listen` says so better.
  const addresses = await lookup(host, { all: true }).catch(() => [])
  return addresses.every(({ address, family }) => LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4'))
}
