import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Disk } from '../../lab/torture/disk.ts'

const BYTES = 64 * 1024 ** 2

let directory = ''
/** A string where this machine allows no disks: why. */
let disk: Disk | string = ''

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'catenary-disk-test-'))
  disk = await Disk.open(join(directory, 'mounted'), join(directory, 'image'), BYTES).catch(
    (error: Error) => error.message,
  )
})

afterEach(async () => {
  if (disk instanceof Disk) await disk.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Where there are no disks the reason must at least be a reason. */
async function withDisk(story: (disk: Disk, file: string) => Promise<void> | void): Promise<void> {
  if (disk instanceof Disk) await story(disk, join(disk.path, 'file'))
  else expect(disk).toMatch(/root|mkfs|mount|perl|loop/)
}

describe('a disk of its own', () => {
  test('loses by a power cut what was not synced, and nothing else', () =>
    withDisk(async (own, file) => {
      const fd = openSync(file, 'w')
      writeSync(fd, 'synced')
      fsyncSync(fd)
      writeSync(fd, ' unsynced')
      closeSync(fd)
      writeFileSync(join(own.path, 'never-synced'), 'x')
      expect(readFileSync(file, 'utf8')).toBe('synced unsynced')
      await own.cutPower()
      expect(readFileSync(file, 'utf8')).toBe('synced')
      expect(existsSync(join(own.path, 'never-synced'))).toBe(false)
    }))

  test('is full until it is freed, also after a power cut', () =>
    withDisk(async (own, file) => {
      await own.fill()
      expect(() => writeFileSync(file, Buffer.alloc(1024 ** 2))).toThrow('ENOSPC')
      own.free()
      await own.cutPower()
      writeFileSync(file, Buffer.alloc(1024 ** 2))
    }))
})
