import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageVersion } from '../package-version.ts'

/** Which code ran: the commit where this is a checkout, with a mark where it has been changed since; else the version. */
export function codeVersion(): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', dirname(fileURLToPath(import.meta.url)), ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' and changes')
  } catch {
    return `version ${packageVersion()}`
  }
}
