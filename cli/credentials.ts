/** Who a command says that it is: a user, or with the cluster's secret one of its processes. */
import { readFileSync } from 'node:fs'
import { UsageError } from './arguments.ts'
import { type SecretArguments, secretOption } from './secret-option.ts'

export const credentialsOptions = {
  ...secretOption,
  user: { type: 'string', requiresArg: true, describe: 'Who this is, where the cluster has users' },
  'password-file': { type: 'string', requiresArg: true, describe: 'File with the password of that user' },
} as const

export interface CredentialsArguments extends SecretArguments {
  readonly user?: string | undefined
  readonly 'password-file'?: string | undefined
}

/** @returns null: no user was named. @throws {UsageError} one was, without a password that can be read. */
export function userOf(
  args: CredentialsArguments,
): { readonly user: string; readonly password: string } | null {
  const { user, 'password-file': file } = args
  if (user === undefined && file === undefined) return null
  if (user === undefined || file === undefined)
    throw new UsageError('--user and --password-file belong together: give both, or neither')
  try {
    return { user, password: readFileSync(file, 'utf8').replace(/\r?\n$/, '') }
  } catch (error) {
    throw new UsageError(`--password-file ${file} cannot be read: ${(error as Error).message}`)
  }
}
