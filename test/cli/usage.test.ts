import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import yargs, { type CommandModule } from 'yargs'
import { usageErrorOf } from '../../cli/arguments.ts'
import { catenary, eachOf } from './run-catenary.ts'

const NOBODY = '127.0.0.1:1'

/** What completion offers after these words. */
async function completions(...words: string[]): Promise<string[]> {
  const { stdout } = await catenary(['--get-yargs-completions', 'catenary', ...words, ''], {
    env: { SHELL: '/bin/bash' },
  })
  return stdout.split('\n').filter((word) => word !== '')
}

interface Found {
  readonly words: readonly string[]
  readonly module: CommandModule
}

/** Every command that a file below cli/commands exports. */
async function commandModules(): Promise<Found[]> {
  const root = new URL('../../cli/commands/', import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const found = await Promise.all(
    files.map(async (file) => {
      const exported: unknown[] = Object.values(await import(new URL(file, root).href))
      const modules = exported.filter(
        (one): one is CommandModule => typeof one === 'object' && one !== null && 'handler' in one,
      )
      const group = file.includes('/') ? [file.slice(0, file.indexOf('/'))] : []
      return modules.map((module) => ({ words: [...group, nameOf(module)], module }))
    }),
  )
  return found.flat()
}

const helpOf = (module: CommandModule): Promise<string> =>
  new Promise((resolve) => {
    const program = yargs().scriptName('catenary').command(module)
    program.parse([nameOf(module), '--help'], {}, (_error, _argv, output) => resolve(output))
  })

const nameOf = ({ command }: CommandModule) => String(command).split(' ')[0] ?? ''

test('every command has a help page with an example', { timeout: 60_000 }, async () => {
  const commands = await commandModules()
  const names = commands.map(({ words }) => words.join(' '))
  expect(names).toEqual(
    expect.arrayContaining(['demo', 'server', 'status', 'get', 'znode', 'znode ls', 'chain reset']),
  )
  for (const { words, module } of commands) {
    const help = await helpOf(module)
    expect(help).toContain(`Examples:\n  catenary ${words.join(' ')}`)
  }
  const top = names.filter((name) => !name.includes(' '))
  expect((await completions()).filter((name) => name !== 'completion').sort()).toEqual(top.sort())
  expect((await completions('znode')).sort()).toEqual(
    names.flatMap((name) => (name.startsWith('znode ') ? [name.slice('znode '.length)] : [])).sort(),
  )
})

test.each<[args: string[], says: RegExp]>([
  [['get', 'k', '--consistency', 'fresh'], /strong, eventual, age:MILLISECONDS or versions:COUNT/],
  [['get', 'k', '--timeout', '10'], /and a unit/],
  [['get', 'k', '--servers', 'localhost'], /use host:port/],
  [['get', 'k', '--transport', 'smoke', '--servers', 'n1'], /use "tcp" or "nats/],
  [['get', 'a', 'b', '--raw'], /name one key/],
  [['put', 'k', 'v', '--if-absent', '--if-present'], /only one of/],
  [['put', 'k', 'v', '--if-version', 'new'], /whole number from 1/],
  [['put', 'k', 'v', '--expires-in', '10'], /10s/],
  [['delete', 'a', 'b', '--if-version', '3'], /name one/],
  [['incr', 'k', '1.5'], /whole number/],
  [['cas', 'k', 'v'], /NEXT is missing/],
  [['cas', 'k', 'v', 'w', '--version', '3'], /stands for EXPECTED/],
  [['scan', '--limit', '0'], /whole number from 1/],
  [['import', '-', '--outstanding', 'x'], /whole number/],
  [['znode', 'get', 'chains'], /begin with \//],
  [['znode', 'get', '/a', '--coordinator', ':x'], /no host:port/],
  [['znode', 'delete', '/'], /the root/],
])('%j is a usage error', async (args, says) => {
  const commands = await commandModules()
  const top = commands.filter(({ words }) => words.length === 1).map(({ module }) => module)
  const outcome = await yargs(args)
    .command(top)
    .exitProcess(false)
    .fail(false)
    .parseAsync()
    .catch((error: unknown) => error)
  expect(usageErrorOf(outcome)).toMatch(says)
})

test('what cannot be understood ends with status 2 and says what would be', { timeout: 60_000 }, async () => {
  const cases: [args: string[], says: RegExp][] = [
    [[], /Which command/],
    [['gte'], /Did you mean get/],
    [['get'], /Something is missing/],
    [['get', 'k', '--nope'], /Unknown argument: nope/],
    [['get', 'k', '--read-policy', 'random'], /Choices: "spread"/],
    [['get', 'a', 'b', '--raw'], /name one key/],
    [['scan', '--prefix', 'a', '--prefix', 'b'], /--prefix is given 2 times/],
    [['znode'], /Which of ls, tree, get/],
  ]
  await eachOf(cases, async ([args, says]) => {
    const { status, stdout, stderr } = await catenary(args)
    expect({ args, status, stdout }).toEqual({ args, status: 2, stdout: '' })
    expect(stderr).toMatch(says)
    expect(stderr).toMatch(/--help/)
  })
})

test('nobody there: status 1, and what to do', { timeout: 60_000 }, async () => {
  const store = await catenary(['get', 'k', '--servers', NOBODY, '--timeout', '200ms'])
  expect(store).toMatchObject({ status: 1, stdout: '' })
  expect(store.stderr).toMatch(/none of the servers .* has answered.*--servers.*catenary demo/s)
  const ensemble = await catenary(['znode', 'ls', '/', '--coordinator', NOBODY, '--timeout', '200ms'])
  expect(ensemble).toMatchObject({ status: 1, stdout: '' })
  expect(ensemble.stderr).toMatch(/none of the coordinators .* has answered.*--coordinator/s)
})

test('variables stand for options; those of other commands do no harm', { timeout: 60_000 }, async () => {
  const env = {
    CATENARY_SERVERS: NOBODY,
    CATENARY_TIMEOUT: '200ms',
    CATENARY_HTTP_PORT: '1',
    CATENARY_TEST_REPORT: 'r',
  }
  const { status, stderr } = await catenary(['get', 'k'], { env })
  expect(status).toBe(1)
  expect(stderr).toContain(`none of the servers ${NOBODY}`)
  const typed = await catenary(['get', 'k', '--http-port', '1'], { env })
  expect(typed).toMatchObject({ status: 2, stderr: expect.stringMatching(/Unknown argument.*http-port/) })
})

test('--version is that of the package, whatever directory it runs in', { timeout: 60_000 }, async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(await catenary(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
})

test('completion scripts for bash and zsh', { timeout: 60_000 }, async () => {
  const bash = await catenary(['completion'], { env: { SHELL: '/bin/bash' } })
  expect(bash.stdout).toContain('complete -o bashdefault -o default -F _catenary_yargs_completions catenary')
  const zsh = await catenary(['completion'], { env: { SHELL: '/bin/zsh', ZSH_NAME: 'zsh' } })
  expect(zsh.stdout).toContain('#compdef catenary')
})
