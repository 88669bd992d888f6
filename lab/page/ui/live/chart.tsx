import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface ChartLine {
  readonly label: string
  /** A custom property of the page's colours. */
  readonly colour: string
  readonly dashed?: boolean
  readonly values: readonly (number | null)[]
}

interface ChartProps {
  readonly title: string
  readonly unit: string
  /** In seconds since 1970. */
  readonly times: readonly number[]
  readonly lines: readonly ChartLine[]
}

const HEIGHT = 190
/** Between the times that are written beneath. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600]

/** Lines over time. The title tells those who cannot see it the newest numbers. */
export function Chart({ title, unit, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const made = new uPlot(optionsOf(element, unit, lines), [[]] as unknown as uPlot.AlignedData, element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [])
  useEffect(() => {
    const { current } = plot
    current?.setData([[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData)
    // Until somebody points at a moment, the legend tells of now.
    if (current?.cursor.idx == null) current?.setLegend({ idx: times.length - 1 })
  }, [times, lines])
  return (
    <section class="live-chart">
      <h3>
        {title} <span class="unit">{unit}</span>
      </h3>
      <div
        ref={place}
        role="img"
        aria-label={`${title}: ${lines.map((line) => newest(line, unit)).join(', ')}`}
      />
    </section>
  )
}

const timeText = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString('en-GB')

function optionsOf(element: HTMLElement, unit: string, lines: readonly ChartLine[]): uPlot.Options {
  const colours = getComputedStyle(element)
  const colour = (name: string) => colours.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
    axes: [
      { ...axis, incrs: SECONDS, space: 70, values: (_, splits) => splits.map(timeText) },
      { ...axis, size: 56 },
    ],
    series: [
      { label: 'at', value: (_, at) => (at === null ? '–' : timeText(at)) },
      ...lines.map(({ label, colour: name, dashed }) => ({
        label,
        stroke: colour(name),
        width: 2,
        points: { show: false },
        ...(dashed === true ? { dash: [6, 4] } : {}),
        value: (_: uPlot, value: number | null) => (value === null ? '–' : `${plainNumber(value)} ${unit}`),
      })),
    ],
  }
}

function newest({ label, values }: ChartLine, unit: string): string {
  const value = values.at(-1)
  return `${label} ${value === null || value === undefined ? 'unknown' : `${plainNumber(value)} ${unit}`}`
}

const plainNumber = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
