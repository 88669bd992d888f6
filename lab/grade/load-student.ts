/** Makes a module of a student's file. Node before 22.18 reads no types: they are taken out by whatever is there that can. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { NotGradable } from './grade.ts'

type Strip = (text: string) => string

/** @throws {NotGradable} there is no such file, it has an error, or its types cannot be taken out here. */
export async function loadStudent(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file)
  if (!existsSync(path)) throw new NotGradable(`there is no file ${file}`)
  if (!/\.[mc]?[jt]s$/.test(path)) throw new NotGradable(`${file}: wants .ts, .js or .mjs`)
  const directory = mkdtempSync(join(tmpdir(), 'catenary-grade-'))
  try {
    const script = /\.[mc]?js$/.test(path) ? path : withoutTypes(path, directory)
    return (await import(pathToFileURL(script).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    if (error instanceof NotGradable) throw error
    throw new NotGradable(`${file} cannot be loaded: ${(error as Error).message}`, { cause: error })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function withoutTypes(path: string, directory: string): string {
  const { stripTypeScriptTypes } = nodeModule as { readonly stripTypeScriptTypes?: Strip }
  const script = join(directory, `${basename(path).replace(/\.[mc]?ts$/, '')}.mjs`)
  if (stripTypeScriptTypes !== undefined) {
    writeFileSync(script, stripTypeScriptTypes(readFileSync(path, 'utf8')))
    return script
  }
  const compiler = compilerFrom(path)
  if (compiler === null)
    throw new NotGradable(
      `this Node (${process.version}) reads no TypeScript. Either install it beside the file (npm install typescript), or use Node 22.18 or newer, or give a .js file`,
    )
  const args = ['--outDir', directory, '--target', 'es2022', '--module', 'es2022', '--skipLibCheck']
  const run = (more: readonly string[]) =>
    spawnSync(process.execPath, [compiler, path, ...args, '--moduleResolution', 'bundler', ...more], {
      encoding: 'utf8',
    })
  const emitted = () => readdirSync(directory).find((name) => /\.[mc]?js$/.test(name))
  let { stdout } = run(['--noCheck', '--ignoreConfig'])
  // Before version 6 there is no such option, and no need of it.
  if (emitted() === undefined) stdout = run([]).stdout
  const made = emitted()
  if (made === undefined) throw new NotGradable(`TypeScript cannot read it:\n${stdout.trim()}`)
  writeFileSync(script, readFileSync(join(directory, made), 'utf8'))
  return script
}

/** Beside the file, in the folder where the command was called, or where the grader itself was installed. */
function compilerFrom(path: string): string | null {
  for (const from of [
    pathToFileURL(path).href,
    pathToFileURL(join(process.cwd(), 'x')).href,
    import.meta.url,
  ]) {
    try {
      const found = nodeModule.createRequire(from).resolve('typescript/package.json')
      const compiler = join(found, '..', 'bin', 'tsc')
      if (existsSync(compiler)) return compiler
    } catch {
      // not installed there
    }
  }
  return null
}
