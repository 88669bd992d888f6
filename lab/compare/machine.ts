/** What a comparison ran on. */
import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Machine } from './results.ts'

const SYNCS = 101
const BLOCK_BYTES = 4096

/** Takes about a second where a disk is slow. */
export function describeMachine(directory: string): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() || 'unknown',
    cores: processors.length,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: `${type()} ${release()}`,
    node: process.version,
    fileSystem: fileSystemOf(directory),
    fdatasyncUs: medianSyncUs(directory),
  }
}

function medianSyncUs(directory: string): number {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'fdatasync-probe')
  const file = openSync(path, 'w')
  try {
    const block = Buffer.alloc(BLOCK_BYTES, 7)
    const took = Array.from({ length: SYNCS }, () => {
      const began = performance.now()
      writeSync(file, block)
      fdatasyncSync(file)
      return (performance.now() - began) * 1000
    })
    return Math.round(took.sort((a, b) => a - b)[SYNCS >> 1] ?? 0)
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

/** Numbers from statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  [0xef53]: 'ext4',
  [0x58465342]: 'xfs',
  [0x9123683e]: 'btrfs',
  [0x01021994]: 'tmpfs (memory: syncs cost nothing here)',
  [0x794c7630]: 'overlayfs',
  [0x6969]: 'nfs',
  [0x2fc12fc1]: 'zfs',
  [0x1a]: 'apfs',
}

function fileSystemOf(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true })
    const { type: number } = statfsSync(directory)
    return FILE_SYSTEMS[number] ?? `type 0x${number.toString(16)}`
  } catch {
    return 'unknown'
  }
}

/** Of the checkout at `directory`; `unknown` where there is none, as in an installed package. */
export function commitOf(directory: string): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', directory, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}, with changes`
  } catch {
    return 'unknown'
  }
}
