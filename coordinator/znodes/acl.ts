/** Who may do what: ACLs as they are stored, shown and checked (ZooKeeper's model: a list per znode, nothing is inherited). */
import { PERMS } from '../../protocol/zookeeper/ops.ts'
import type { Acl, Id } from '../../protocol/zookeeper/records.ts'
import { type Identities, identitiesIn, SUPER, userOf } from './identities.ts'
import { isInNetwork, networkOf } from './networks.ts'

export const OPEN_ACL: readonly Acl[] = [{ perms: PERMS.all, id: { scheme: 'world', id: 'anyone' } }]
export const READ_ONLY_ACL: readonly Acl[] = [{ perms: PERMS.read, id: { scheme: 'world', id: 'anyone' } }]

/** `auth` is none of them: it stands for others, and is never stored. sasl is not known here. */
const ID_FORMS: Readonly<Record<string, (id: string) => boolean>> = {
  world: (id) => id === 'anyone',
  digest: (id) => id.split(':').length === 2,
  ip: (id) => networkOf(id) !== null,
  x509: (id) => id !== '',
}

/**
 * The list as it is stored: `auth` replaced by what the connection has shown to be, exact duplicates dropped, order kept. `null` where
 * it is not well-formed, or `auth` stands for nobody.
 */
export function aclToStore(acl: readonly Acl[], identities: Identities | null): readonly Acl[] | null {
  if (identities === null) return acl.length === 0 ? null : storedAcl(acl)
  const list: Acl[] = []
  for (const entry of acl) {
    const { scheme, id } = entry.id
    if (scheme === 'auth') {
      const shown = identitiesIn(identities).filter((identity) => identity.scheme === 'digest')
      if (shown.length === 0) return null
      list.push(...shown.map((identity) => ({ perms: entry.perms, id: identity })))
      continue
    }
    const isForm = Object.hasOwn(ID_FORMS, scheme) ? ID_FORMS[scheme] : undefined
    if (isForm === undefined || !isForm(id)) return null
    list.push(entry)
  }
  return list.length === 0 ? null : storedAcl(list)
}

/** Of a list that was found well-formed before. Nearly every node has the same one: it is shared. */
export function storedAcl(acl: readonly Acl[]): readonly Acl[] {
  const kept = new Map<string, Acl>()
  for (const entry of acl) kept.set(`${entry.perms} ${entry.id.scheme} ${entry.id.id}`, entry)
  const list = [...kept.values()]
  return isOpen(list) ? OPEN_ACL : list
}

function isOpen([first, ...others]: readonly Acl[]): boolean {
  return first?.perms === PERMS.all && first.id.scheme === 'world' && others.length === 0
}

/** Whether an entry has one of the wanted bits and names one of the identities. `identities` null: nobody to be checked. */
export function isAllowed(acl: readonly Acl[], perms: number, identities: Identities | null): boolean {
  if (acl === OPEN_ACL || identities === null) return true
  const shown = identitiesIn(identities)
  if (shown.some(({ scheme }) => scheme === SUPER.scheme)) return true
  return acl.some((entry) => (entry.perms & perms) !== 0 && names(entry.id, shown))
}

function names({ scheme, id }: Id, shown: readonly Id[]): boolean {
  if (scheme === 'world') return id === 'anyone'
  return shown.some((identity) => {
    if (identity.scheme !== scheme) return false
    return scheme === 'ip' ? isInNetwork(identity.id, id) : identity.id === id
  })
}

/** As those see it who may read a znode and not administer it. */
export const withoutDigests = (acl: readonly Acl[]): readonly Acl[] =>
  acl.map((entry) => {
    if (entry.id.scheme !== 'digest') return entry
    return { perms: entry.perms, id: { scheme: 'digest', id: `${userOf(entry.id)}:x` } }
  })
