/** ACLs as ZooKeeper's shell writes them: `world:anyone:cdrwa,digest:ann:aGFzaA==:r`. */
import { PERMS } from '../protocol/zookeeper/ops.ts'
import type { Acl } from '../protocol/zookeeper/records.ts'
import { UsageError } from './arguments.ts'

const LETTERS = [
  ['c', PERMS.create],
  ['d', PERMS.delete],
  ['r', PERMS.read],
  ['w', PERMS.write],
  ['a', PERMS.admin],
] as const

/** `cdrwa`, or `none`. */
export const permsText = (perms: number): string =>
  LETTERS.flatMap(([letter, bit]) => ((perms & bit) === 0 ? [] : [letter])).join('') || 'none'

export const aclText = (acl: readonly Acl[]): string =>
  acl.map(({ perms, id }) => `${id.scheme}:${id.id}:${permsText(perms)}`).join(',')

/** @throws {UsageError} naming the part that cannot be read. */
export const toAcl = (text: string): Acl[] => text.split(',').map(toEntry)

function toEntry(text: string): Acl {
  // An id may have colons: those of digests do.
  const [scheme, ...rest] = text.trim().split(':')
  const letters = rest.pop()
  if (!scheme || letters === undefined || rest.length === 0 || letters === '')
    throw new UsageError(`ACL ${JSON.stringify(text)}: it is scheme:id:permissions, such as world:anyone:r`)
  let perms = 0
  for (const letter of letters) {
    const [, bit] = LETTERS.find(([known]) => known === letter) ?? []
    if (bit === undefined)
      throw new UsageError(`ACL ${JSON.stringify(text)}: "${letter}" is none of c, d, r, w and a`)
    perms |= bit
  }
  return { perms, id: { scheme, id: rest.join(':') } }
}
