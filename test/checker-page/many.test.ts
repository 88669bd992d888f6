import { describe, expect, test } from 'vitest'
import { renderPage } from '../../lab/checker/page/render.ts'
import { type OpenPage, pagesInChromium } from './browser.ts'
import { HOSTILE, hostile, lectureCycle, long, partOf, verdictOf } from './verdicts.ts'

const { open, openHtml } = pagesInChromium()
const nodeCount = (page: OpenPage['page']) => page.locator('*').count()

describe('many', () => {
  test('5,000 operations: few shapes at every zoom and place, and a word on what is not drawn', async () => {
    const page = await open(long(5000, 1, 0))
    await page.click('#whole')
    expect(await nodeCount(page)).toBeLessThan(2500)
    await page.click('#fit')
    expect(await nodeCount(page)).toBeLessThan(2500)
    expect(await page.locator('#note').textContent()).toMatch(
      /of 5,000 operations are in view.*too narrow here to be drawn one by one/,
    )
    const most = await page.evaluate<number>(`(async () => {
      const chart = document.getElementById('chart'), closer = document.getElementById('closer')
      let most = 0
      for (let i = 0; i < 9; i++) {
        if (i < 6) closer.click()
        else chart.scrollLeft += 700
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
        most = Math.max(most, document.querySelectorAll('*').length)
      }
      return most
    })()`)
    expect(most).toBeLessThan(2500)
    await page.click('#stuck')
    expect(await page.locator('#art .op.stuck.current').getAttribute('aria-label')).toMatch(
      /^get user:0 → v0 \(v1\); .*cannot be placed/,
    )
    await page.focus('#steps')
    await page.keyboard.press('End')
    expect(await page.locator('#steps .step').last().textContent()).toContain('not reached')
    expect(await nodeCount(page)).toBeLessThan(2500)
  })

  test('sixty keys: opens with the one that failed, the others are found by name', async () => {
    const page = await open(long(1200, 60, 17))
    const pressed = page.locator('.part[aria-pressed=true]')
    expect(await pressed.getAttribute('aria-label')).toBe('user:17, not linearizable, 20 operations')
    expect(await page.locator('#reason').textContent()).toMatch(/^Key user:17: the last get/)
    expect(await page.locator('#part-more').textContent()).toMatch(/^and 36 more/)
    await page.fill('#part-filter', 'user:42')
    await page.click('.part >> nth=0')
    expect(await pressed.textContent()).toContain('user:42')
    expect(await page.locator('#art .op.stuck').count()).toBe(0)
    expect(await page.locator('#histories').isVisible()).toBe(false)
  })
})

describe('what histories may hold', () => {
  test('is text, whatever it is', async () => {
    const verdict = hostile()
    const html = renderPage(verdict, { title: HOSTILE[0], source: HOSTILE[1] })
    expect(html.match(/<script/g)).toHaveLength(2)
    expect(html.match(/<\/script/g)).toHaveLength(2)
    expect(html).not.toMatch(/[\0\x07\x1b\u202e]/)
    const page = await openHtml(html)
    for (let i = 0; i < HOSTILE.length; i++) {
      await page.locator('.part').nth(i).click()
      await page.click('#whole')
      expect(await page.locator('#art .op').count()).toBe(2)
    }
    expect(await page.evaluate<string>('typeof window.hacked')).toBe('undefined')
    expect(await page.locator('img, script[src], iframe, svg[onload]').count()).toBe(0)
    const names = await page.locator('.part span').allTextContents()
    expect(names[0]).toBe(HOSTILE[0])
    expect(names[5]).toBe('\\xff\\xfe\\x80')
  })

  test('may be nothing', async () => {
    const page = await open(verdictOf('key-value', []))
    expect(await page.locator('h1').textContent()).toBe('Linearizable')
    expect(await page.locator('#reason').textContent()).toMatch(/empty/)
    const empty = await open(verdictOf('key-value', [partOf({ operations: [], longestPrefix: [] })]))
    expect(await empty.locator('#steps-title').textContent()).toBe('Nothing could be placed')
  })

  test('may be undecided, and then nothing is called wrong', async () => {
    const part = lectureCycle().parts[0]
    const undecided = partOf({
      operations: part?.operations ?? [],
      judgement: 'unknown',
      reason: 'the search stopped after 10 s',
      longestPrefix: [0, 2],
    })
    const page = await open(verdictOf('key-value', [undecided]))
    expect(await page.locator('h1').textContent()).toBe('Not decided')
    expect(await page.locator('#reason').textContent()).toMatch(
      /^The search stopped after 10 s\. .*proves nothing/,
    )
    expect(await page.locator('#art .op.stuck').count()).toBe(0)
  })
})
