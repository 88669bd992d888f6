import type { Arguments, Argv } from 'yargs'

const PREFIX = 'CATENARY_'

/**
 * Forgets `CATENARY_...` variables that name no option of the command at hand: whoever exports CATENARY_SERVERS for one command must not make
 * another one fail by it. Runs before yargs looks for unknown options; those on the command line it still finds.
 */
export function dropForeignVariables(argv: Arguments, yargs: Argv): void {
  // Not in the types: every option that the command declares.
  const { key } = (yargs as unknown as { getOptions(): { key: Record<string, unknown> } }).getOptions()
  const written = process.argv.slice(2)
  for (const variable of Object.keys(process.env)) {
    if (!variable.startsWith(PREFIX)) continue
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-')
    const isWritten = written.some((word) => word === `--${name}` || word.startsWith(`--${name}=`))
    if (name in key || isWritten) continue
    for (const spelling of [name, camelCase(name), camelCase(name.replace(/^-+/, ''))]) delete argv[spelling]
  }
}

const camelCase = (name: string) => name.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase())
