import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** How wide an element is. Measured when it changes, not once a frame: asking would lay out the page each time. */
export function useWidth<Kind extends HTMLElement>(): {
  readonly root: RefObject<Kind | null>
  readonly width: number
} {
  const [width, setWidth] = useState(0)
  const root = useRef<Kind>(null)
  useLayoutEffect(() => {
    const element = root.current
    if (element === null) return
    const look = () => setWidth(Math.round(element.clientWidth))
    look()
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { root, width }
}
