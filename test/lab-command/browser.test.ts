import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLab } from '../../lab/page/serve/open-lab.ts'
import { startBrowser } from '../checker-page/browser.ts'
import { coordinatorStatus, fakeProcess, requestMetrics, serverStatus } from './fake-cluster.ts'

const PAGE = fileURLToPath(new URL('../../dist/page/', import.meta.url))

let browser: Browser
beforeAll(async () => {
  if (!existsSync(PAGE)) throw new Error('the page is not built: npm run build:page')
  browser = await startBrowser()
})
afterAll(() => browser?.close())

test('the page shows a cluster live, a death, the story of it, and kills by its buttons', async () => {
  const [n1, n2, n3, coordinator] = await Promise.all([
    fakeProcess(serverStatus('n1'), requestMetrics('get', 10, 0)),
    fakeProcess(serverStatus('n2'), requestMetrics('get', 10, 0)),
    fakeProcess(serverStatus('n3'), requestMetrics('get', 10, 0)),
    fakeProcess(coordinatorStatus('coordinator-1')),
  ])
  const processes = [n1, n2, n3, coordinator]
  const acts: string[] = []
  const lab = await openLab({
    port: 0,
    pageDirectory: PAGE,
    everyMs: 50,
    watch: { addresses: processes.map(({ address }) => address) },
    controls: {
      busy: () => null,
      processes: () => [{ name: 'n2', runs: !acts.includes('kill n2') }],
      kill: async (name) => {
        acts.push(`kill ${name}`)
        await n2.kill()
      },
      restart: async (name) => void acts.push(`restart ${name}`),
    },
  })
  const errors: string[] = []
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    await page.goto(lab.url)
    await page.getByRole('region', { name: 'server n2, middle' }).waitFor()
    await page.getByRole('region', { name: 'coordinator-1, leader' }).waitFor()
    await page.getByRole('img', { name: /Requests answered: reads/ }).waitFor()
    if (process.env['SCREENSHOT'] !== undefined) await page.screenshot({ path: process.env['SCREENSHOT'] })
    expect(await page.getByRole('button', { name: 'kill n1' }).count()).toBe(0)
    await page.getByRole('button', { name: 'kill n2' }).click()
    await page.getByRole('region', { name: 'server n2, does not answer' }).waitFor()
    await page.getByText('n2 does not answer any more').waitFor()
    await page.getByRole('button', { name: 'restart n2' }).click()
    await expect.poll(() => acts).toEqual(['kill n2', 'restart n2'])
    await lab.close()
    await page.getByText('the server of this page does not answer').waitFor()
    // That nobody listens any more is the browser's own remark.
    expect(errors.filter((text) => !text.includes('net::ERR_'))).toEqual([])
    await page.close()
  } finally {
    await lab.close().catch(() => {})
    for (const process of processes) await process.kill()
  }
}, 30_000)
