/** What clients of http doors say of themselves, in the header `authorization` (RFC 7617). */
import type { Credentials } from '../../client/transport/node-scram.ts'
import { MEMBER } from '../../protocol/access.ts'

export const basicAuthorization = ({ user, password }: Credentials): string =>
  `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`

/** As processes of the cluster and the operator's tools say it. */
export const memberAuthorization = ({ httpPassword }: { readonly httpPassword: string }): string =>
  basicAuthorization({ user: MEMBER.name, password: httpPassword })
