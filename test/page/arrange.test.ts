import { describe, expect, test } from 'vitest'
import { arrange, type Dot, wrap } from '../../lab/page/ui/figure/arrange.ts'
import { areNeighbours, curveOf, dotOn, layOut } from '../../lab/page/ui/figure/geometry.ts'

const LABEL = { width: 40, height: 12 }
const dot = (x: number, y: number, more: Partial<Dot> = {}): Dot => ({
  ...{ x, y, way: 'n1 n2', chosen: false, label: () => LABEL, sides: ['right', 'left'], between: null },
  ...more,
})

describe('messages that are close to each other', () => {
  test('of one way: one stands for the others, unless somebody looks at them', () => {
    const places = arrange([dot(50, 50), dot(52, 50), dot(54, 50, { chosen: true }), dot(55, 50)], [], 500)
    expect(places.map(({ behind }) => behind)).toEqual([2, null, 0, null])
  })

  test('of two ways: both are shown', () => {
    const places = arrange([dot(50, 50), dot(52, 50, { way: 'n2 n1' })], [], 500)
    expect(places.map(({ behind }) => behind)).toEqual([0, 0])
  })
})

describe('a label', () => {
  const labelOf = (...args: Parameters<typeof arrange>) => arrange(...args).map(({ label }) => label)

  test('takes the first side that is free, and none where none is', () => {
    expect(labelOf([dot(100, 50)], [], 500)).toEqual([{ x: 30, y: 0 }])
    const card = { left: 110, right: 200, top: 0, bottom: 100 }
    expect(labelOf([dot(100, 50)], [card], 500)).toEqual([{ x: -30, y: 0 }])
    expect(labelOf([dot(30, 50)], [card], 60), 'out of the picture on both sides').toEqual([null])
  })

  test('hides neither another label nor another dot', () => {
    const [first, second] = labelOf([dot(100, 50), dot(140, 50, { way: 'n2 n3' })], [], 500)
    expect([first, second]).toEqual([
      { x: -30, y: 0 },
      { x: 30, y: 0 },
    ])
  })

  test('between two cards stays there', () => {
    const near = dot(105, 50, { sides: ['above'], between: [100, 160] })
    expect(labelOf([near], [], 500)).toEqual([{ x: 15, y: -16 }])
  })

  test('is broken between words, then within them', () => {
    const size = { characters: 8, linesMax: 3 }
    expect(wrap('append 7', size)).toEqual(['append 7'])
    expect(wrap('append 7..9, durable 12', size)).toEqual(['append', '7..9,', '…'])
    expect(wrap('version-query', size)).toEqual(['version-', 'query'])
    expect(wrap('acknowledgement 1', size)).toEqual(['acknowl…', '1'])
  })
})

describe.each([1440, 1066, 906, 800])('%i pixels', (width) => {
  const names = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i + 1}`)
  const servers = names('n', 5)
  const layout = layOut({
    ...{ width, scale: 1, taller: () => 0, servers, chain: servers },
    ...{ coordinators: names('k', 3), clients: names('client', 6) },
  })

  test('hold 5 replicas, 3 coordinators and 6 clients: no card lies on another, no message on a card', () => {
    const boxes = [...layout.boxes]
    for (const [name, a] of boxes)
      for (const [other, b] of boxes) {
        if (name === other) continue
        const apart =
          a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
        expect(apart, `${name} and ${other}`).toBe(true)
        if (!areNeighbours(layout, name, other) && a.row === b.row) continue
        for (const t of [0, 0.5, 1]) {
          const { x, y } = dotOn(curveOf(layout, name, other), t)
          const inside = boxes.filter(
            ([, box]) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height,
          )
          if (Math.abs(a.row - b.row) < 2) expect(inside.map(([each]) => each)).toEqual([])
        }
      }
  })
})
