import { readFileSync } from 'node:fs'

/** Of this package, not of the one that it is installed in. Works from the sources and from dist. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'catenary') return version
    } catch {
      // one of the two exists
    }
  }
  return 'unknown'
}
