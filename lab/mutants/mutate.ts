import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mutant } from './mutants.ts'

const SOURCES = ['protocol', 'chain', 'coordinator', 'client', 'runtime', 'lab', 'cli']
const SETTINGS = ['package.json', 'tsconfig.json', 'tsconfig.build.json']

/** The source with the mutant's edit. @throws where the text is not there exactly once: the list is out of date. */
export function edited(source: string, { name, file, find, replace }: Mutant): string {
  const places = source.split(find).length - 1
  if (places !== 1)
    throw new Error(
      `mutant ${name}: its text stands ${places} times in ${file}, not once; correct lab/mutants/mutants.ts`,
    )
  return source.replace(find, () => replace)
}

/** A copy of the project, compiled without type checks, in which things can be left out. */
export class Workshop {
  readonly #root: string
  readonly #project: string

  /** @param project - the checkout; nothing in it is changed. */
  constructor(project: string) {
    this.#project = project
    this.#root = mkdtempSync(join(tmpdir(), 'catenary-mutants-'))
    for (const folder of SOURCES) cpSync(join(project, folder), join(this.#root, folder), { recursive: true })
    for (const file of SETTINGS) cpSync(join(project, file), join(this.#root, file))
    symlinkSync(join(project, 'node_modules'), join(this.#root, 'node_modules'))
  }

  /** The command line of the project with this mutant, or without any. */
  build(mutant: Mutant | null): string {
    const unchanged = join(this.#root, 'built', 'unchanged')
    if (!existsSync(unchanged)) this.#compile('tsconfig.build.json', unchanged)
    if (mutant === null) return join(unchanged, 'cli', 'main.js')
    const out = join(this.#root, 'built', mutant.name)
    cpSync(unchanged, out, { recursive: true })
    const path = join(this.#root, mutant.file)
    const source = readFileSync(path, 'utf8')
    writeFileSync(path, edited(source, mutant))
    try {
      // All else is as it was, and types are not looked at: no other file is needed.
      const only = {
        extends: './tsconfig.build.json',
        include: [],
        files: [mutant.file],
        compilerOptions: { noResolve: true },
      }
      writeFileSync(join(this.#root, 'tsconfig.mutant.json'), JSON.stringify(only))
      this.#compile('tsconfig.mutant.json', out)
    } finally {
      writeFileSync(path, source)
    }
    return join(out, 'cli', 'main.js')
  }

  #compile(settings: string, out: string): void {
    const compiler = join(this.#project, 'node_modules', '.bin', 'tsc')
    const plain = ['--noCheck', '--incremental', 'false', '--declaration', 'false', '--sourceMap', 'false']
    execFileSync(compiler, ['-p', settings, ...plain, '--outDir', out], { cwd: this.#root })
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}
