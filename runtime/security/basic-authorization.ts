/** What clients of http doors say of themselves, in the header `authorization` (RFC 7617). */
import { MEMBER } from '../../protocol/access.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export const basicAuthorization = ({ user, password }: Credentials): string =>
  `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`

/** As processes of the cluster and the operator's tools say it. */
export const memberAuthorization = ({ httpPassword }: { readonly httpPassword: string }): string =>
  basicAuthorization({ user: MEMBER.name, password: httpPassword })
