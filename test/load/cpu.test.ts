import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openCpuQuota } from '../../lab/compare/cpu-quota.ts'
import { cpuSecondsOf, cpuSpentFrom } from '../../lab/compare/process-cpu.ts'

const hasProc = existsSync('/proc/self/stat')
const spin = () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })

describe('CPU time of a process', () => {
  test.runIf(hasProc)('grows while it works, and names nobody who is not there', async () => {
    const child = spin()
    try {
      const pid = child.pid ?? 0
      const spent = cpuSpentFrom([
        { name: 'busy', pid },
        { name: 'nobody', pid: 2 ** 22 + 1 },
      ])
      await expect.poll(() => cpuSecondsOf(pid), { timeout: 20_000 }).toBeGreaterThan(0.1)
      expect(spent()).toMatchObject({ nobody: 0 })
      expect(spent()['busy']).toBeGreaterThan(0)
    } finally {
      child.kill('SIGKILL')
    }
    expect(cpuSecondsOf(2 ** 22 + 1)).toBeNull()
  })
})

describe('a CPU quota', () => {
  test('bounds a process where control groups can be written, else says why it cannot', async () => {
    const opened = openCpuQuota()
    if (opened.quota === null) {
      expect(opened.reason).toMatch(/control group/)
      return
    }
    const { quota } = opened
    const child = spin()
    try {
      quota.limit('spinning', child.pid ?? 0, 20)
      const folder = join(groupRoot(quota.version), ownGroup(child.pid ?? 0, quota.version))
      expect(folder).toContain('spinning')
      const [before, beganMs] = [cpuSecondsOf(child.pid ?? 0) ?? 0, performance.now()]
      await sleep(1000)
      const share = ((cpuSecondsOf(child.pid ?? 0) ?? 0) - before) / ((performance.now() - beganMs) / 1000)
      expect(share).toBeLessThan(0.35)
      quota.close()
      expect(existsSync(folder)).toBe(false)
    } finally {
      child.kill('SIGKILL')
      quota.close()
    }
  })

  test('a machine without control groups gets a reason', () => {
    const folder = mkdtempSync(join(tmpdir(), 'catenary-quota-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [mounts, ownGroups] = [join(folder, 'mounts'), join(folder, 'groups')]
    expect(openCpuQuota({ mounts, ownGroups })).toEqual({
      quota: null,
      reason: 'no control groups here: /proc tells of none',
    })
    writeFileSync(mounts, '/dev/vda / ext4 rw 0 0\n')
    writeFileSync(ownGroups, '0::/\n')
    expect(openCpuQuota({ mounts, ownGroups })).toMatchObject({
      reason: 'no control group with a cpu controller is mounted',
    })
    writeFileSync(mounts, 'cgroup /proc/self/fdinfo cgroup rw,cpu 0 0\n')
    writeFileSync(ownGroups, '1:cpu:/\n')
    expect(openCpuQuota({ mounts, ownGroups })).toMatchObject({
      quota: null,
      reason: expect.stringMatching(/^no control group can be made here: version 1 at/),
    })
  })
})

const groupRoot = (version: 1 | 2) =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type, flags = '']) =>
      version === 1 ? type === 'cgroup' && flags.split(',').includes('cpu') : type === 'cgroup2',
    )?.[1] ?? ''

const ownGroup = (pid: number, version: 1 | 2) =>
  readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([number, controllers = '']) =>
      version === 1 ? controllers.split(',').includes('cpu') : number === '0',
    )?.[2] ?? ''
