import type { MultiOp } from '../../protocol/zookeeper/multi.ts'
import { CREATE_FLAGS, PERMS } from '../../protocol/zookeeper/ops.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'
import type { CreateOptions } from './api.ts'
import { CoordinatorError } from './errors.ts'

/** ZooKeeper's OPEN_ACL_UNSAFE. */
export const EVERYBODY: readonly Acl[] = [{ perms: PERMS.all, id: { scheme: 'world', id: 'anyone' } }]

type CreateOp = Extract<MultiOp, { readonly type: 'create' | 'createContainer' | 'createTTL' }>

/**
 * The operation that creates such a znode: plain ones, containers and those with a TTL have one each.
 *
 * @throws {CoordinatorError} `BAD_ARGUMENTS`: the options contradict each other.
 */
export function createOp(
  path: string,
  data: Uint8Array | null,
  options: CreateOptions & { readonly acl: readonly Acl[] },
): CreateOp {
  const { ephemeral = false, sequential = false, container = false, ttlMs, acl } = options
  const fields = { path, data, acl }
  if (ephemeral && (container || ttlMs !== undefined))
    throw contradiction(path, 'an ephemeral znode ends with its session alone: leave container and ttlMs out')
  if (container && (sequential || ttlMs !== undefined))
    throw contradiction(path, 'a container takes neither sequential nor ttlMs: leave them out')
  if (container) return { type: 'createContainer', ...fields, flags: CREATE_FLAGS.container }
  if (ttlMs !== undefined) {
    if (!Number.isSafeInteger(ttlMs) || ttlMs < 1 || ttlMs >= 2 ** 40)
      throw contradiction(path, `ttlMs is from 1 to 2^40 - 1, unlike ${ttlMs}`)
    const flags = sequential ? CREATE_FLAGS.sequentialTtl : CREATE_FLAGS.ttl
    return { type: 'createTTL', ...fields, flags, ttlMs: BigInt(ttlMs) }
  }
  const flags = (ephemeral ? CREATE_FLAGS.ephemeral : 0) | (sequential ? CREATE_FLAGS.sequential : 0)
  return { type: 'create', ...fields, flags }
}

const contradiction = (path: string, what: string) =>
  new CoordinatorError('BAD_ARGUMENTS', `create ${path}: ${what}`)
