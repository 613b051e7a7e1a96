import type HyperDHT from 'hyperdht';

/**
 * Returns a view of the DHT for one swarm. A swarm destroys its DHT when it is destroyed, and does not remove its listeners.
 * The view's `destroy` removes the listeners instead and leaves the DHT to the other swarms.
 */
export function shareDht(dht: HyperDHT): HyperDHT {
  const removals: (() => void)[] = [];

  async function destroy(): Promise<void> {
    for (const remove of removals.splice(0)) remove();
  }

  return new Proxy(dht, {
    get(target, name, view) {
      if (name === 'destroy') return destroy;
      if (name !== 'on') return Reflect.get(target, name);
      return (event: string, listener: (...values: unknown[]) => void) => {
        target.on(event, listener);
        removals.push(() => target.off(event, listener));
        return view;
      };
    },
  });
}
