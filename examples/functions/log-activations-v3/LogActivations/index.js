// The older programming model: function.json beside this file names the trigger.
module.exports = async function (context, messages) {
  messages.forEach((activation, index) => {
    const sequenceNumber = context.bindingData.sequenceNumberArray[index];
    context.log(`activation ${sequenceNumber}: ${JSON.stringify(activation)}`);
  });
};
