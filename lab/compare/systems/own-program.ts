/** What of this program the comparison starts, and its version. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Sources run in tests alone, and Node cannot start them: then it is what the build made of them. */
const BUILT = new URL(import.meta.url.endsWith('.ts') ? '../../../dist/' : '../../../', import.meta.url)

/** A file of the built program: `builtFile('cli/main.js')`. */
export const builtFile = (path: string): string => fileURLToPath(new URL(path, BUILT))

export const missingUnlessBuilt = (path: string): string | null =>
  existsSync(builtFile(path)) ? null : 'not built: npm run build'

export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', BUILT), 'utf8')) as {
    version: string
  }
  return version
}
