import { existsSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runScript, tree, write } from './tree.ts'

const BUILD =
  "const { mkdirSync, writeFileSync } = require('node:fs'); mkdirSync('dist', { recursive: true }); writeFileSync('dist/.tsbuildinfo', '')"

/** A package whose build writes the stamp, as the compiler does, and then ends with `status`. */
function packageTree(status: number): string {
  const root = tree({ 'chain/a.ts': '', 'build.cjs': `${BUILD}; process.exitCode = ${status}` })
  write(root, 'package.json', JSON.stringify({ name: 'x', scripts: { build: 'node build.cjs' } }))
  return root
}

const run = (root: string) => runScript('build-if-needed.mjs', '--root', root)

/** Moves a file's time, in place of waiting for the clock. */
function age(root: string, path: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds
  utimesSync(join(root, path), time, time)
}

test('builds where dist is absent, and then no more', () => {
  const root = packageTree(0)
  expect(run(root)).toEqual({ status: 0, lines: ['building: there is no dist/ yet'] })
  expect(existsSync(join(root, 'dist/.tsbuildinfo'))).toBe(true)
  expect(run(root)).toEqual({ status: 0, lines: [] })
})

test('builds where a source is newer than the build', () => {
  const root = packageTree(0)
  run(root)
  age(root, 'dist/.tsbuildinfo', 60)
  age(root, 'package.json', 120)
  age(root, 'chain/a.ts', 30)
  expect(run(root)).toEqual({ status: 0, lines: ['building: chain/a.ts is newer than dist/'] })
  expect(run(root).lines).toEqual([])
})

test('a build that failed fails, and is not taken for one', () => {
  const root = packageTree(3)
  expect(run(root).status).not.toBe(0)
  expect(statSync(join(root, 'dist/.tsbuildinfo')).mtimeMs).toBe(0)
  expect(run(root).status).not.toBe(0)
})
