import { PERMS } from '../../protocol/zookeeper/ops.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'

/**
 * ACLs are stored and answered, and not yet enforced: every connection may do everything. Only their form is checked.
 */

export const OPEN_ACL: readonly Acl[] = [{ perms: PERMS.all, id: { scheme: 'world', id: 'anyone' } }]
export const READ_ONLY_ACL: readonly Acl[] = [{ perms: PERMS.read, id: { scheme: 'world', id: 'anyone' } }]

const ID_FORMS: Readonly<Record<string, (id: string) => boolean>> = {
  world: (id) => id === 'anyone',
  digest: (id) => id.split(':').length === 2,
  ip: (id) => id !== '',
  auth: () => true,
  sasl: (id) => id !== '',
  x509: (id) => id !== '',
}

/** The list as it is stored, exact duplicates dropped, order kept; `null` where it is not well-formed. */
export function normalizeAcl(acl: readonly Acl[]): readonly Acl[] | null {
  if (acl.length === 0) return null
  const kept = new Map<string, Acl>()
  for (const entry of acl) {
    const { scheme, id } = entry.id
    const isForm = Object.hasOwn(ID_FORMS, scheme) ? ID_FORMS[scheme] : undefined
    if (isForm === undefined || !isForm(id)) return null
    kept.set(`${entry.perms} ${scheme} ${id}`, entry)
  }
  const list = [...kept.values()]
  return isOpen(list) ? OPEN_ACL : list // nearly every node: one shared list instead of millions
}

function isOpen([first, ...others]: readonly Acl[]): boolean {
  return first?.perms === PERMS.all && first.id.scheme === 'world' && others.length === 0
}
