import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A service in Java: {@code java Service PORT KEYFILE}.
 *
 * <p>GET /healthz answers {@code ok}; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS
 * only; a fixed number of threads; a request has at most 64 KiB.
 */
public final class Service {
    private static final int THREADS = 8;
    private static final int MOST_BODY = 64 * 1024;
    private static final Path CERTIFICATE = Path.of("/run/caisson/tls/certificate.pem");
    private static final Path KEY = Path.of("/run/caisson/tls/key.pem");

    private Service() {}

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("usage: java Service PORT KEYFILE");
        }
        byte[] key = Files.readAllBytes(Path.of(arguments[1]));
        HttpsServer server = HttpsServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 64);
        server.setHttpsConfigurator(new HttpsConfigurator(context()));
        server.setExecutor(Executors.newFixedThreadPool(THREADS));
        server.createContext("/", exchange -> answer(exchange, 404, "not found"));
        server.createContext("/healthz", exchange -> answer(exchange, 200, "ok"));
        server.createContext("/seal", exchange -> seal(exchange, key));
        server.start();
    }

    private static SSLContext context() throws IOException, GeneralSecurityException {
        Certificate[] chain;
        try (FileInputStream file = new FileInputStream(CERTIFICATE.toFile())) {
            chain = CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(new Certificate[0]);
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("service", privateKey(), new char[0], chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    private static PrivateKey privateKey() throws IOException, GeneralSecurityException {
        String text = Files.readString(KEY).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }

    private static void seal(HttpExchange exchange, byte[] key) throws IOException {
        if (!exchange.getRequestURI().getPath().equals("/seal")) {
            answer(exchange, 404, "not found");
            return;
        }
        if (!exchange.getRequestMethod().equals("POST")) {
            answer(exchange, 405, "only POST is taken");
            return;
        }
        byte[] body = exchange.getRequestBody().readNBytes(MOST_BODY + 1);
        if (body.length > MOST_BODY) {
            answer(exchange, 413, "at most 65536 bytes are taken");
            return;
        }
        try {
            Mac code = Mac.getInstance("HmacSHA256");
            code.init(new SecretKeySpec(key, "HmacSHA256"));
            answer(exchange, 200, HexFormat.of().formatHex(code.doFinal(body)));
        } catch (GeneralSecurityException cause) {
            throw new IllegalStateException("every Java has HMAC-SHA256", cause);
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
