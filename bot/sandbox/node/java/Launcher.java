import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one node: {@code Launcher HOME MODULES}. HOME is the node's own directory, with {@code config} in it.
 *
 * The node lives as long as its standard input. A byte on it asks for an orderly stop that keeps HOME; its end
 * without one means that the parent died, and then HOME goes too.
 */
public final class Launcher {
    private static final int CLOSE_SECONDS = 10;

    private static volatile Node node;

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        Thread watcher = new Thread(() -> endWithParent(home), "parent-watcher");
        watcher.setDaemon(true);
        watcher.start();
        try {
            start(home, Path.of(args[1]));
        } catch (Throwable failure) {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        watcher.join();
    }

    private static void start(Path home, Path modules) throws Exception {
        LogConfigurator.configureESLogging();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            Settings.EMPTY, Map.of("path.home", home.toString()), home.resolve("config"), () -> "sandbox");
        PluginsLoader loader = PluginsLoader.createPluginsLoader(bundles(modules), Set.of(), Map.of(), false);
        Node starting = new Node(environment, loader);
        node = starting;
        starting.start();
    }

    /** {@code loadModulesBundles} has a second parameter, false for a whole node, in 9.x alone. */
    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> bundles(Path modules) throws ReflectiveOperationException {
        String name = "loadModulesBundles";
        for (var method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals(name) && method.getParameterCount() == 1) {
                return (Set<PluginBundle>) method.invoke(null, modules);
            }
            if (method.getName().equals(name) && method.getParameterCount() == 2) {
                return (Set<PluginBundle>) method.invoke(null, modules, false);
            }
        }
        throw new NoSuchMethodException(name);
    }

    private static void endWithParent(Path home) {
        boolean orderly = false;
        try {
            orderly = System.in.read() >= 0;
        } catch (IOException unreadable) {
            // The same as its end: nobody is there to stop this process later.
        }
        try {
            close();
        } finally {
            if (!orderly) {
                delete(home);
            }
            Runtime.getRuntime().halt(0);
        }
    }

    private static void close() {
        Node running = node;
        if (running == null) {
            return;
        }
        try {
            running.close();
            running.awaitClose(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception failure) {
            failure.printStackTrace();
        }
    }

    private static void delete(Path home) {
        List<Path> deepestFirst;
        try (Stream<Path> paths = Files.walk(home)) {
            deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
        } catch (IOException | RuntimeException unreadable) {
            return;
        }
        for (Path path : deepestFirst) {
            path.toFile().delete();
        }
    }
}
