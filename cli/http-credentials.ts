/** What commands say of themselves at http doors: as a user, or, with the cluster's secret, as one of its processes. */
import { readFileSync } from 'node:fs'
import { basicAuthorization, memberAuthorization } from '../runtime/security/basic-authorization.ts'
import { UsageError } from './arguments.ts'
import { type SecretArguments, secretOf, secretOption } from './secret-option.ts'

export const httpCredentialsOptions = {
  ...secretOption,
  user: { type: 'string', requiresArg: true, describe: 'Who this is, where the cluster has users' },
  'password-file': { type: 'string', requiresArg: true, describe: 'File with the password of that user' },
} as const

export interface HttpCredentialsArguments extends SecretArguments {
  readonly user?: string | undefined
  readonly 'password-file'?: string | undefined
}

/** @returns the header `authorization`; null: nothing is said. */
export function authorizationOf(args: HttpCredentialsArguments): string | null {
  const { user, 'password-file': file } = args
  if (user !== undefined && file !== undefined)
    return basicAuthorization({ user, password: readFileSync(file, 'utf8').replace(/\r?\n$/, '') })
  if (user !== undefined || file !== undefined)
    throw new UsageError('--user and --password-file belong together: give both, or neither')
  const secret = secretOf(args)
  return secret === null ? null : memberAuthorization(secret)
}
