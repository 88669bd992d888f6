import type { Id } from '../../protocol/zookeeper/records.ts'

/**
 * Who is at the other end of a connection, as far as it has shown: `scheme:id` entries. Text, because it travels with every write in
 * the log and is looked into only where an ACL is not open to everyone.
 */
export type Identities = string & { readonly brand: 'Identities' }

const SEPARATOR = '\0'

/** An identity that no ACL needs to name: it may do everything. */
export const SUPER: Id = { scheme: 'super', id: '' }

export const NOBODY = '' as Identities

/** What every connection is from its start. IPv4 addresses in an IPv6 coat are shown without it. */
export const identitiesOfAddress = (address: string): Identities =>
  withIdentity(NOBODY, { scheme: 'ip', id: plainAddress(address) })

const plainAddress = (address: string): string =>
  address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '')

/** The same and one more; the same where it was there already. No part of `id` may hold a NUL. */
export function withIdentity(identities: Identities, { scheme, id }: Id): Identities {
  const entry = `${scheme}:${id}`
  const entries = entriesOf(identities)
  return entries.includes(entry) ? identities : identitiesFrom([...entries, entry].join(SEPARATOR))
}

/** As read from a log entry. */
export const identitiesFrom = (text: string): Identities => text as Identities

/** In the order in which they were shown. */
export function identitiesIn(identities: Identities): Id[] {
  return entriesOf(identities).map((entry) => {
    const colon = entry.indexOf(':')
    return { scheme: entry.slice(0, colon), id: entry.slice(colon + 1) }
  })
}

const entriesOf = (identities: Identities): string[] =>
  identities === NOBODY ? [] : identities.split(SEPARATOR)

/** The part of an identity that may be shown to others: of a digest the user alone. */
export const userOf = ({ scheme, id }: Id): string =>
  scheme === 'digest' ? id.slice(0, (id.indexOf(':') + 1 || id.length + 1) - 1) : id
