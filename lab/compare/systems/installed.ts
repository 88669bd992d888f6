/** Whether a program is there, and which version. */
import { spawnSync } from 'node:child_process'
import { PEERS_ADVICE, serverPath } from './peer-process.ts'

export type Version = readonly [major: number, minor: number, patch: number]

export const versionText = (version: Version): string => version.join('.')

export function atLeast(version: Version, wanted: Version): boolean {
  for (let i = 0; i < 3; i++) {
    const difference = (version[i] ?? 0) - (wanted[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

const outputs = new Map<string, string>()

/** What a program prints, or null where it is not there or fails. Asked once: what is installed stays so. */
export function outputOf(program: string, args: readonly string[]): string | null {
  const PATH = serverPath()
  const question = [PATH, program, ...args].join(' ')
  const known = outputs.get(question)
  if (known !== undefined) return known
  const options = { env: { ...process.env, PATH }, encoding: 'utf8', timeout: 10_000 } as const
  const { status, stdout, stderr } = spawnSync(program, args, options)
  if (status !== 0) return null
  outputs.set(question, `${stdout}${stderr}`)
  return `${stdout}${stderr}`
}

/** The first `1.2.3` in what a program says about itself; null where there is none. */
export function versionOf(program: string, args: readonly string[]): Version | null {
  return versionIn(outputOf(program, args) ?? '')
}

export function versionIn(text: string): Version | null {
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(text)
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])]
}

/** `System.missing` for a program with a least version. */
export function missingUnless(program: string, version: Version | null, wanted: Version): string | null {
  if (version === null) return `${program} is not installed: ${PEERS_ADVICE}`
  if (atLeast(version, wanted)) return null
  return `${program} ${versionText(version)} is too old, ${versionText(wanted)} is needed: ${PEERS_ADVICE}`
}
