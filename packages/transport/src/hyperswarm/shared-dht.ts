import type HyperDHT from 'hyperdht';

/**
 * The shared DHT as one swarm sees it. A swarm that is destroyed destroys its DHT and leaves its listeners behind; this
 * view takes the listeners back instead, and the DHT lives on for the others.
 */
export function shareDht(dht: HyperDHT): HyperDHT {
  const returns: (() => void)[] = [];

  async function destroy(): Promise<void> {
    for (const giveBack of returns.splice(0)) giveBack();
  }

  return new Proxy(dht, {
    get(target, name, view) {
      if (name === 'destroy') return destroy;
      if (name !== 'on') return Reflect.get(target, name);
      return (event: string, listener: (...values: unknown[]) => void) => {
        target.on(event, listener);
        returns.push(() => target.off(event, listener));
        return view;
      };
    },
  });
}
