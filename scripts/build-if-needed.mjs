// Builds where dist/ is absent or older than what it is made from, so that `npm start` right after `npm ci`, whose
// `prepare` has built already, is instant. Usage: node scripts/build-if-needed.mjs [--root <folder>]

import { spawnSync } from 'node:child_process'
import { existsSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, rootFromArguments, SOURCE_FOLDERS } from './source-files.mjs'

/** The compiler writes this last of its own. Its time stands for the time of the whole build. */
const STAMP = 'dist/.tsbuildinfo'
/** Bundled after it. */
const PAGE_SOURCE = 'lab/page/index.html'
const PAGE = 'dist/page/index.html'

const root = rootFromArguments()
const reason = whyBuild()
if (reason !== null) {
  console.error(`building: ${reason}`)
  process.exitCode = build()
}

function whyBuild() {
  if (!existsSync(join(root, STAMP))) return 'there is no dist/ yet'
  if (existsSync(join(root, PAGE_SOURCE)) && !existsSync(join(root, PAGE))) return 'there is no page yet'
  const built = statSync(join(root, STAMP)).mtimeMs
  const inputs = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].filter((path) =>
    existsSync(join(root, path)),
  )
  for (const folder of SOURCE_FOLDERS) inputs.push(...filesBelow({ root, folder, matches: /./ }))
  const newer = inputs.find((path) => statSync(join(root, path)).mtimeMs > built)
  return newer === undefined ? null : `${newer} is newer than dist/`
}

/** Stamps the outcome: the compiler leaves its file alone where nothing changed, and writes it even where it found errors. */
function build() {
  const { status, error } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (error) console.error(`cannot run npm: ${error.message}`)
  const time = status === 0 ? new Date() : new Date(0)
  if (existsSync(join(root, STAMP))) utimesSync(join(root, STAMP), time, time)
  return status ?? 1
}
