/** What commands say of themselves at http doors: as a user, or, with the cluster's secret, as one of its processes. */
import { basicAuthorization, memberAuthorization } from '../runtime/security/basic-authorization.ts'
import { type CredentialsArguments, userOf } from './credentials.ts'
import { secretOf } from './secret-option.ts'

/** @returns the header `authorization`; null: nothing is said. */
export function authorizationOf(args: CredentialsArguments): string | null {
  const user = userOf(args)
  if (user !== null) return basicAuthorization(user)
  const secret = secretOf(args)
  return secret === null ? null : memberAuthorization(secret)
}
