// A broker that we did not write, for our client to speak to: Apache ActiveMQ Artemis, with plain
// AMQP on the first port and TLS, WebSockets included, on the second.
//
// Artemis knows nothing of event hubs. What it adds here is `$management`: a READ of a hub is
// answered with what Artemis and Proton's codec, not ours, have made of the batches in the queue of
// that name, one text per event in `partition_ids`.
//
//     java -cp CLASSPATH Broker.java AMQP_PORT AMQPS_PORT KEYSTORE PASSWORD

import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.activemq.artemis.api.core.Message;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.postoffice.RoutingStatus;
import org.apache.activemq.artemis.core.security.CheckType;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.server.ActiveMQServer;
import org.apache.activemq.artemis.core.server.ServerSession;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.server.plugin.ActiveMQServerPlugin;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.core.transaction.Transaction;
import org.apache.activemq.artemis.protocol.amqp.broker.AMQPMessage;
import org.apache.activemq.artemis.protocol.amqp.broker.AMQPStandardMessage;
import org.apache.activemq.artemis.protocol.amqp.util.TLSEncode;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager;
import org.apache.qpid.proton.amqp.Symbol;
import org.apache.qpid.proton.amqp.messaging.AmqpValue;
import org.apache.qpid.proton.amqp.messaging.ApplicationProperties;
import org.apache.qpid.proton.amqp.messaging.Data;
import org.apache.qpid.proton.amqp.messaging.MessageAnnotations;
import org.apache.qpid.proton.amqp.messaging.Properties;
import org.apache.qpid.proton.codec.ReadableBuffer;
import org.apache.qpid.proton.message.impl.MessageImpl;

public class Broker {
    static final SimpleString MANAGEMENT = SimpleString.of("$management");
    /** Artemis keeps it as a signed number. */
    static final int BATCH_FORMAT = (int) 0x80013700L;
    static final String USER = "policy";
    static final String PASSWORD = "secret";

    public static void main(String[] arguments) throws Exception {
        var config = new ConfigurationImpl()
            .setPersistenceEnabled(false)
            .setJMXManagementEnabled(false)
            .addAcceptorConfiguration("amqp", "tcp://127.0.0.1:" + arguments[0] + "?protocols=AMQP")
            .addAcceptorConfiguration("amqps", "tcp://127.0.0.1:" + arguments[1]
                + "?protocols=AMQP;sslEnabled=true;keyStoreType=PKCS12;keyStorePath="
                + arguments[2] + ";keyStorePassword=" + arguments[3]);
        config.addAddressSetting("#", new AddressSettings()
            .setDefaultAddressRoutingType(RoutingType.ANYCAST)
            .setDefaultQueueRoutingType(RoutingType.ANYCAST)
            .setAutoDeleteQueues(false)
            .setAutoDeleteAddresses(false));
        var broker = new EmbeddedActiveMQ().setConfiguration(config).setSecurityManager(new OneUser());
        broker.start();
        broker.getActiveMQServer().registerBrokerPlugin(new Management(broker.getActiveMQServer()));
        System.out.println("ready");
    }

    /** Answers what is sent to `$management`. */
    record Management(ActiveMQServer server) implements ActiveMQServerPlugin {
        @Override
        public void afterSend(ServerSession session, Transaction transaction, Message message,
                boolean direct, boolean noAutoCreateQueue, RoutingStatus result) {
            if (message.getAddressSimpleString().equals(MANAGEMENT)) {
                var request = (AMQPMessage) message;
                var hub = String.valueOf(request.getObjectProperty("name"));
                var answer = answer(request.getProperties().getMessageId(), hub);
                server.getExecutorFactory().getExecutor().execute(() -> route(answer));
            }
        }

        private AMQPMessage answer(Object id, String hub) {
            var properties = new Properties();
            properties.setCorrelationId(id);
            var body = new TreeMap<String, Object>(Map.of(
                "name", hub,
                "created_at", new Date(0),
                "partition_ids", events(hub).toArray(new String[0])));
            var status = Map.<String, Object>of("status-code", 200, "status-description", "OK");
            return AMQPStandardMessage.createMessage(0, 0, MANAGEMENT, null, properties, null, null,
                status, null, new AmqpValue(body));
        }

        private void route(AMQPMessage answer) {
            try {
                answer.setAddress(MANAGEMENT);
                answer.setMessageID(server.getStorageManager().generateID());
                server.getPostOffice().route(answer, false);
            } catch (Exception exception) {
                throw new IllegalStateException(exception);
            }
        }

        /** The events in a hub's queue, as texts. */
        private List<String> events(String hub) {
            var events = new ArrayList<String>();
            var queue = server.locateQueue(hub);
            for (var references = queue.browserIterator(); references.hasNext();) {
                var message = (AMQPMessage) references.next().getMessage();
                if (message.getMessageFormat() != BATCH_FORMAT) {
                    events.add("no batch: " + message.getMessageFormat());
                    continue;
                }
                for (Object section : sections(message.getSendBuffer(1, null))) {
                    if (section instanceof Data data) {
                        var event = new MessageImpl();
                        var bytes = data.getValue();
                        event.decode(bytes.getArray(), bytes.getArrayOffset(), bytes.getLength());
                        events.add(describe(event));
                    }
                }
            }
            return events;
        }

        private static List<Object> sections(ReadableBuffer buffer) {
            var decoder = TLSEncode.getDecoder();
            decoder.setBuffer(buffer);
            var sections = new ArrayList<Object>();
            while (buffer.hasRemaining()) {
                sections.add(decoder.readObject());
            }
            decoder.setBuffer(null);
            return sections;
        }

        /** partition key, message id, content type, the property `number`, body */
        private static String describe(MessageImpl event) {
            MessageAnnotations annotations = event.getMessageAnnotations();
            var key = annotations == null
                ? null : annotations.getValue().get(Symbol.valueOf("x-opt-partition-key"));
            ApplicationProperties own = event.getApplicationProperties();
            var number = own == null ? null : own.getValue().get("number");
            var body = ((Data) event.getBody()).getValue();
            var text = new String(body.getArray(), body.getArrayOffset(), body.getLength());
            return key + " " + event.getMessageId() + " " + event.getContentType() + " " + number
                + " " + text;
        }
    }

    /** Lets one user do everything. */
    static class OneUser implements ActiveMQSecurityManager {
        @Override
        public boolean validateUser(String user, String password) {
            return USER.equals(user) && PASSWORD.equals(password);
        }

        @Override
        public boolean validateUserAndRole(String user, String password, Set<Role> roles,
                CheckType checkType) {
            return validateUser(user, password);
        }
    }
}
