import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
    const path = mutant === null ? null : join(this.#root, mutant.file)
    const source = path === null ? '' : readFileSync(path, 'utf8')
    if (path !== null && mutant !== null) writeFileSync(path, edited(source, mutant))
    const out = join(this.#root, 'built', mutant?.name ?? 'unchanged')
    try {
      const compiler = join(this.#project, 'node_modules', '.bin', 'tsc')
      const options = [
        '--noCheck',
        '--incremental',
        'false',
        '--declaration',
        'false',
        '--sourceMap',
        'false',
      ]
      execFileSync(compiler, ['-p', 'tsconfig.build.json', ...options, '--outDir', out], { cwd: this.#root })
    } finally {
      if (path !== null) writeFileSync(path, source)
    }
    return join(out, 'cli', 'main.js')
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}
