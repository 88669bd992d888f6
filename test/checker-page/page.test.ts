import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import { type OpenPage, pagesInChromium } from './browser.ts'
import { lectureCycle, lectureLinearizable, mixed, operationsOf } from './verdicts.ts'

const { open } = pagesInChromium()

const labelsOf = (page: OpenPage['page']) => page.locator('#art .label text').allTextContents()

describe('the lecture’s second history', () => {
  test('says what is wrong and draws the smallest history of it', async () => {
    const page = await open(lectureCycle())
    expect(await page.title()).toBe('A run: not linearizable')
    expect(await page.locator('h1').textContent()).toBe('Not linearizable')
    expect(await page.locator('#reason').textContent()).toMatch(
      /^C3 saw x change from 2 to 1 .* only once\.$/,
    )
    expect(await page.locator('#smallest').getAttribute('aria-pressed')).toBe('true')
    expect(await page.locator('#art .op').count()).toBe(6)
    expect((await labelsOf(page)).sort()).toEqual(
      ['get x → 1', 'get x → 1', 'get x → 2', 'get x → 2', 'put x=1', 'put x=2'].sort(),
    )
    expect(await page.locator('#art .op.stuck').count()).toBe(1)
    expect(await page.locator('#steps .step.stuck .then').textContent()).toMatch(
      /^read \d, but here the value is \d$/,
    )
  })

  test('the whole history is one click away', async () => {
    const page = await open(lectureCycle())
    await page.click('#whole')
    expect(await page.locator('#art .op').count()).toBe(7)
    expect(await page.locator('#whole').getAttribute('aria-pressed')).toBe('true')
    expect(await labelsOf(page)).toContain('put x=0')
    await page.click('#smallest')
    expect(await page.locator('#art .op').count()).toBe(6)
  })

  test('in the dark the page is dark', async () => {
    const shade = (page: OpenPage['page']) =>
      page.evaluate<string>(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] < 100 ? 'dark' : 'light'",
      )
    expect(await shade(await open(lectureCycle()))).toBe('light')
    const dark = await open(lectureCycle(), { dark: true })
    expect(await shade(dark)).toBe('dark')
    expect(await dark.locator('#art .op').count()).toBe(6)
  })

  test('fits into a narrow window, and onto paper', async () => {
    const page = await open(lectureCycle(), { width: 360, height: 700 })
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    expect(await page.evaluate<number>(overflow)).toBe(0)
    await page.emulateMedia({ media: 'print' })
    await page.locator('#art[width="1180"]').waitFor()
    expect(await page.evaluate<number>(overflow)).toBe(0)
    expect(await page.locator('.bar').isVisible()).toBe(false)
    expect(await page.locator('#steps .step').count()).toBe(6)
    await page.emulateMedia({ media: 'screen' })
    await page.locator('#art:not([width="1180"])').waitFor()
  })
})

describe('the order found', () => {
  test('its points rise, and each is inside its bar', async () => {
    const page = await open(lectureLinearizable())
    const bars = page.locator('#art .op')
    const points = page.locator('#art .point')
    expect(await page.locator('h1').textContent()).toBe('Linearizable')
    expect(await points.allTextContents()).toEqual(['1', '2', '3', '4', '5'])
    expect(await page.locator('#histories').isVisible()).toBe(false)
    const shapes = await bars.evaluateAll((found) =>
      found.map((bar) => ({
        name: bar.getAttribute('aria-label') ?? '',
        box: bar.querySelector('.body')?.getBoundingClientRect().toJSON(),
      })),
    )
    let before = 0
    for (const [i, label] of ['put x=0', 'put x=2', 'get x → 2', 'put x=1', 'get x → 1'].entries()) {
      const box = await points.nth(i).locator('rect').boundingBox()
      const middle = (box?.x ?? 0) + (box?.width ?? 0) / 2
      const bar = shapes.find(({ name }) => name.startsWith(`${label};`))?.box
      expect(middle).toBeGreaterThan(before)
      expect(middle).toBeGreaterThan(bar.left)
      expect(middle).toBeLessThan(bar.right)
      before = middle
    }
  })

  test('the list shows every step and the state after it', async () => {
    const page = await open(lectureLinearizable())
    expect(await page.locator('#steps .step .then').allTextContents()).toEqual([
      '⇒ x = 0',
      '⇒ x = 2',
      '⇒ x = 2',
      '⇒ x = 1',
      '⇒ x = 1',
    ])
    await page.click('#steps .step >> nth=3')
    expect(await page.locator('#art .op.current').getAttribute('aria-label')).toMatch(
      /^put x=1; process C1, .*; step 4 of 5/,
    )
    await page.hover('#art .op >> nth=0')
    await page.locator('#tip').waitFor()
    expect(await page.locator('#tip').textContent()).toMatch(/^put x=0process C1.*state after it: x = 0$/)
  })

  test('answers that never came, comparisons that failed, empty time', async () => {
    const page = await open(mixed())
    expect(await page.locator('#art .op.pending').count()).toBe(2)
    expect(await page.locator('#art .op.open').getAttribute('aria-label')).toMatch(/need not have happened/)
    expect(await page.locator('#steps .step .what').allTextContents()).toContain(
      'n2:client-1cas cart v2→pears ✗',
    )
    await page.click('#clock')
    expect(await page.locator('#note').textContent()).toMatch(/Empty time is cut short once/)
    expect(await page.locator('#art .lane-text').allTextContents()).toEqual(
      ['n1:client-2', 'n1:client-10', 'n2:client-1', 'n3:client-1'].map((name) =>
        expect.stringContaining(name),
      ),
    )
  })
})

describe('without a mouse', () => {
  test('arrows walk the chart, n and p the order, and what is chosen is named', async () => {
    const page = await open(lectureLinearizable())
    const chosen = async () => {
      const id = await page.locator('#art').getAttribute('aria-activedescendant')
      return id === null ? null : (await page.locator(`#${id}`).getAttribute('aria-label'))?.split(';')[0]
    }
    await page.focus('#art')
    const seen: unknown[] = []
    for (const key of ['n', 'n', 'n', 'p', 'ArrowUp', 'ArrowRight', 'End', 'Home', 'Escape']) {
      await page.keyboard.press(key)
      seen.push(await chosen())
    }
    expect(seen).toEqual([
      'put x=0',
      'put x=2',
      'get x → 2',
      'put x=2',
      'put x=0',
      'put x=1',
      'get x → 1',
      'put x=0',
      null,
    ])
    await page.keyboard.press('f')
    expect(await page.locator('#tip').isVisible()).toBe(true)
  })

  test('tab reaches every control, and the list follows the arrows', async () => {
    const page = await open(lectureCycle())
    const reached: string[] = []
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate<string>('document.activeElement.id || document.activeElement.localName'),
      )
    }
    expect(reached.slice(0, 11)).toEqual([
      'smallest',
      'whole',
      'order',
      'clock',
      'stuck',
      'farther',
      'fit',
      'closer',
      'art',
      'steps',
      'summary',
    ])
    await page.focus('#steps')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('#steps').getAttribute('aria-activedescendant')).toBe('row-1')
    expect(await page.locator('#row-1').getAttribute('aria-selected')).toBe('true')
  })
})

test('what the checker itself says of the lecture’s second history', async () => {
  const page = await open(check(lectureCycle().parts[0]?.operations ?? [], { model: 'key-value' }))
  expect(await page.locator('h1').textContent()).toBe('Not linearizable')
  expect(await page.locator('#longest').textContent()).toMatch(
    /^The longest order found explains 5 of the smallest history’s 6 operations, and then meets get x → \d of C\d/,
  )
  expect(await page.locator('#art .op').count()).toBe(6)
  expect(await page.locator('#art .op.stuck').count()).toBe(1)
})

test('where states cannot be followed, all that contradict each other are marked', async () => {
  const operations = operationsOf([
    ['s1', { f: 'create', path: '/a', data: '1' }, { zxid: 1, error: null, path: '/a' }, 0, 5],
    ['s2', { f: 'set', path: '/a', data: '2', version: 0 }, { zxid: 2, error: null, version: 1 }, 6, 9],
    ['s2', { f: 'read', path: '/a' }, { zxid: 1, error: null, data: '1', version: 0 }, 15, 17],
  ])
  const page = await open(check(operations, { model: 'znodes' }))
  expect(await page.locator('#steps-title').textContent()).toBe('Together these cannot be explained')
  expect((await labelsOf(page)).sort()).toEqual(['read /a → 1 (v0)', 'set /a=2 @v0 (v1)'])
  expect(await page.locator('#art .op.involved').count()).toBe(2)
})

test('without scripts the order is there as text', async () => {
  const page = await open(lectureCycle(), { javaScriptEnabled: false })
  expect(await page.locator('noscript ol li').count()).toBe(5)
  expect(await page.locator('noscript ul li').textContent()).toMatch(/but here the value is/)
})
