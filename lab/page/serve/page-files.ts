/** The files of the built page, and nothing else of this machine. */
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export interface PageFile {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.map': 'application/json',
}
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }

export async function pageFiles(directory: string, path: string): Promise<PageFile> {
  const wanted = path === '/' ? 'index.html' : path.slice(1)
  // Only names that are really there: no path that climbs can be among them.
  const files = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const names = files
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(directory, '/').length))
  if (!names.includes('index.html'))
    return {
      status: 503,
      headers: TEXT,
      body: `the page is not built: \`npm run build\` makes ${directory}\n`,
    }
  if (!names.includes(wanted)) return { status: 404, headers: TEXT, body: 'no such page; try /\n' }
  const type = TYPES[extname(wanted)] ?? 'application/octet-stream'
  return { status: 200, headers: { 'content-type': type }, body: await readFile(join(directory, wanted)) }
}
