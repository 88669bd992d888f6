/** What processes of a cluster with a secret prove to each other and ask of others, on native and peer connections. */
import { pbkdf2Sync } from 'node:crypto'
import { type Credentials, NODE_SCRAM } from '../../client/transport/node-scram.ts'
import { MEMBER } from '../../protocol/access.ts'
import { ITERATIONS_MIN, recordOf, type UserDirectory } from '../../protocol/scram.ts'
import type { Log } from '../log.ts'
import type { GateOptions } from '../transport/gate.ts'

export interface LinkSecret {
  readonly linkKey: Uint8Array
  readonly strangersKey: Uint8Array
}

export interface LinkProof {
  /** What is said to those that are dialled. */
  readonly credentials: Credentials
  /** What those have to say who dial. */
  readonly gate: GateOptions
}

const KEY_BYTES = 32
const MEMBER_SALT = new TextEncoder().encode('catenary member')

/** As what a process of the cluster, or a tool of its operator, comes in. */
export const memberCredentials = ({ linkKey }: Pick<LinkSecret, 'linkKey'>): Credentials => ({
  user: MEMBER.name,
  password: Buffer.from(linkKey).toString('base64url'),
})

/**
 * @param users - who may come in besides the processes of the cluster; null: nobody.
 *
 * @example
 * const transport = await openTcp({ self: 'n1', ...linkProof(secret, users), ... })
 */
export function linkProof(secret: LinkSecret, users: UserDirectory | null): LinkProof {
  const credentials = memberCredentials(secret)
  // Nobody guesses 256 bits: the salt may be known, and few iterations are enough.
  const [salt, iterations] = [MEMBER_SALT, ITERATIONS_MIN]
  const salted = pbkdf2Sync(credentials.password, salt, iterations, KEY_BYTES, 'sha256')
  const member = { ...recordOf(NODE_SCRAM, { salted, salt, iterations }), principal: MEMBER }
  const directory: UserDirectory = {
    find: (name) => (name === MEMBER.name ? member : (users?.find(name) ?? null)),
    isComplete: () => users?.isComplete?.() ?? true,
    onChange: (listener) => users?.onChange?.(listener) ?? (() => {}),
  }
  return { credentials, gate: { users: directory, strangersKey: secret.strangersKey } }
}

/** Says in the log who decides where a broker carries the links. */
export function noteBroker(transport: string, log: Log): void {
  if (transport !== 'tcp')
    log.warn(
      {},
      'over nats the links of this process prove nothing: who may speak for a server is for the accounts of the broker to decide. The secret protects the other doors',
    )
}
