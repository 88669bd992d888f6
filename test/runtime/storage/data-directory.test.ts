import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDataDirectory } from '../../../runtime/storage/data-directory.ts'

let path: string

beforeEach(() => {
  path = fs.mkdtempSync(join(os.tmpdir(), 'catenary-data-'))
})

afterEach(() => fs.rmSync(path, { recursive: true, force: true }))

const n1 = () => openDataDirectory({ path, kind: 'server', id: 'n1' })
const identity = () =>
  JSON.parse(fs.readFileSync(join(path, 'identity.json'), 'utf8')) as Record<string, unknown>

describe('identity', () => {
  test('is created once and kept', () => {
    const first = n1()
    const { dataId } = first
    first.close()
    const second = n1()
    expect(second.dataId).toBe(dataId)
    expect(second.clusterId).toBeNull()
    second.close()
  })

  test('another server’s or another kind’s directory is refused, and stays free', () => {
    n1().close()
    expect(() => openDataDirectory({ path, kind: 'server', id: 'n2' })).toThrow(
      'belongs to server "n1", not to server "n2"',
    )
    expect(() => openDataDirectory({ path, kind: 'coordinator', id: 'n1' })).toThrow('belongs to server "n1"')
    n1().close()
  })

  test('a cluster is adopted once; another is refused, also after a restart', () => {
    const first = n1()
    first.adoptCluster('blue')
    first.adoptCluster('blue')
    expect(() => first.adoptCluster('green')).toThrow('holds data of cluster "blue"')
    first.close()
    const second = n1()
    expect(second.clusterId).toBe('blue')
    expect(() => second.adoptCluster('green')).toThrow('cluster "green"')
    second.close()
  })

  test('incarnations only grow, are at least the clock, and survive a clock that went back', () => {
    const first = n1()
    const before = Date.now()
    const one = first.nextIncarnation()
    expect(one).toBeGreaterThanOrEqual(before)
    expect(first.nextIncarnation()).toBeGreaterThan(one)
    first.close()
    fs.writeFileSync(join(path, 'identity.json'), JSON.stringify({ ...identity(), incarnation: 9e15 }))
    const second = n1()
    expect(second.nextIncarnation()).toBe(9e15 + 1)
    expect(identity()['incarnation']).toBe(9e15 + 1)
    second.close()
  })

  test('damage, another format, or files without an identity are refused', () => {
    fs.writeFileSync(join(path, 'data.mdb'), '')
    expect(() => n1()).toThrow('is not empty (data.mdb)')
    fs.rmSync(join(path, 'data.mdb'))
    n1().close()
    const sound = identity()
    fs.writeFileSync(join(path, 'identity.json'), '{"format": 1, "ki')
    expect(() => n1()).toThrow('cannot be read')
    fs.writeFileSync(join(path, 'identity.json'), JSON.stringify({ ...sound, format: 2 }))
    expect(() => n1()).toThrow('format 2')
  })
})

describe('lock', () => {
  test('a second user is refused, by name, until the first closes', () => {
    const first = n1()
    expect(() => n1()).toThrow(`in use by process ${process.pid}`)
    first.close()
    n1().close()
    expect(fs.readdirSync(path)).toEqual(['identity.json'])
  })

  test('another running process keeps it; once killed, it is taken over at once', async () => {
    const idle = `setInterval(() => {}, 1000); console.log('up')`
    const child = spawn(process.execPath, ['-e', idle], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(child.stdout, 'data')
      const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1')
      const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
      const started = `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
      fs.writeFileSync(join(path, 'lock'), JSON.stringify({ pid: child.pid, started }))
      expect(() => n1()).toThrow(`in use by process ${child.pid}`)
      child.kill('SIGKILL')
      await once(child, 'exit')
      n1().close()
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('a pid that another process has by now is no holder', () => {
    fs.writeFileSync(join(path, 'lock'), JSON.stringify({ pid: process.ppid, started: 'another-boot:1' }))
    n1().close()
  })

  test('a takeover that was interrupted, and a damaged lock, do not block for ever', () => {
    const dead = JSON.stringify({ pid: 999_999_999, started: 'another-boot:1' })
    fs.writeFileSync(join(path, 'lock'), dead)
    fs.writeFileSync(join(path, 'lock.takeover'), dead)
    n1().close()
    fs.writeFileSync(join(path, 'lock'), '')
    n1().close()
  })
})
