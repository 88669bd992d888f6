import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { dirname } from 'node:path'
import { syncDirectory } from './wal/segments.ts'

/** Replaces a file so that, whenever the power fails, either the old content or the new is there, whole. Durable on return. */
export function writeFileAtomically(path: string, content: string): void {
  const temporary = writeTemporary(path, content)
  fs.renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/** Creates a file with its content at once, or returns false because it exists. No reader ever sees it half-written. */
export function createFileAtomically(path: string, content: string): boolean {
  const temporary = writeTemporary(path, content)
  try {
    fs.linkSync(temporary, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    fs.unlinkSync(temporary)
  }
}

function writeTemporary(path: string, content: string): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const fd = fs.openSync(temporary, 'wx')
  try {
    fs.writeFileSync(fd, content)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  return temporary
}
