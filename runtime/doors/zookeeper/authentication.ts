import { type Identities, identitiesIn, SUPER, withIdentity } from '../../../coordinator/znodes/identities.ts'
import { digestIdOf } from '../../../protocol/zookeeper/digest.ts'
import type { RequestOf } from '../../../protocol/zookeeper/ops.ts'

/** Each entry travels with every write of the connection. */
const IDENTITIES_MAX = 32
const ID_BYTES_MAX = 1024

/**
 * What a connection is known as once it has shown one identity more; `null`: the scheme is not known here, or it showed nothing.
 *
 * @param superDigest - the `user:digest` of whom no ACL stops.
 */
export function authenticated(
  identities: Identities,
  { scheme, auth }: Pick<RequestOf<'auth'>, 'scheme' | 'auth'>,
  superDigest: string | null,
): Identities | null {
  if (scheme === 'ip') return identities // every connection shows it from its start
  if (scheme !== 'digest' || (auth?.length ?? 0) > ID_BYTES_MAX) return null
  const id = digestIdOf(auth ?? new Uint8Array(0))
  if (id.includes('\0')) return null
  const grown = withIdentity(id === superDigest ? withIdentity(identities, SUPER) : identities, {
    scheme,
    id,
  })
  return identitiesIn(grown).length <= IDENTITIES_MAX ? grown : null
}
