"""The property names of the wide IFS entities, by type: customer order, its lines and charges, voucher rows.

Names only, one flat list per type; lengths, keys and meaning are in `schema.py`. The order lists were taken from the
fields that a public connector reads and writes, the voucher row from a recorded `$metadata` document.
"""

from __future__ import annotations

from bcifs_console.simulator.words import words

ORDER_STRINGS = words(
    "AgreementDescription AgreementId AllowedOperations AuthorizeCode BillAddrName BillAddrNo BlockedReason "
    "BlockedTypeDb BusinessObjectId BusinessOpportunityNo CancelReason ChangeLineDate ChangeRequest "
    "ChangedAttribNotInPol ClassificationStandard Company CompanyCurrencyCode ConnectionId Contract "
    "CopyAddrToLine CurrencyCode CurrencyRateType CustCalendarId CustRef CustRefName CustomerBranch CustomerName "
    "CustomerNo CustomerNoPay CustomerNoPayAddrNo CustomerNoPayName CustomerNoPayRef CustomerNoPayReferenceName "
    "CustomerPoNo CustomsValueCurrency DelAddrName DelTermsLocation DeliveryCountryCode DeliveryTerms "
    "DisconnectExpLicense DistrictCode ExtTransportCalendarId ExternalRef ForwardAgentId ForwardName FreightMapId "
    "FreightPriceListNo FreightZoneDescription InternalPoLabelNote InternalPoNo InternalRef LabelNote "
    "LanguageCode MainRepresentativeId MarketCode NoteText OrderId OrderNo OverruleLimitSaleToAssort PayTermId "
    "PaymentTermDescription PeggingExist PrintControlCode ProjectId QuotationNo RebateCustomer RebateCustomerName "
    "RegionCode ReplicateChanges ReplicateValuesModified RepresentativeName RouteId SalesContractNo "
    "SalesPartSalesmanName SalesmanCode ShipAddrNo ShipViaCode ShipmentType SourceRef SupplyCountryDb "
    "TaxCalcMethod TaxFreeTaxCode TaxFreeTaxCodeDescription TaxIdNo TaxLiability UpdatePriceEffectiveDate "
    "VendorName VendorNo WantedDeliveryDateChanged ZoneId"
)

ORDER_NUMBERS = words(
    "AdditionalDiscount CaseId ContractItemNo ContractLineNo ContractRevSeq DeliveryLeadtime FixDelivFreight "
    "NoteId PickingLeadtime PreAccountingId Priority ProposedPrepaymentAmount ShipmentConnectedLinesExist TaskId "
    "TotalAmount"
)

ORDER_BOOLEANS = words(
    "AddrFlagDb AdvancePrepaymInvExists ApplyFixDelivFreightDb B2bOrderDb ChargesExist CheckSalesGrpDelivConfDb "
    "ConfirmDeliveriesDb DelNotePrinted DelayCogsToDelivConfDb DocumentText DummySingleOccur IntrastatExemptDb "
    "IsNewCustomer JinsuiInvoiceDb LimitSalesToAssortmentsDb OrderConfDb OrderConfFlagDb PackListFlagDb "
    "PickInventoryTypeDb PickListFlagDb PickListPrinted SchedulingConnectionDb SmConnectionDb "
    "SummarizedFreightChargesDb SummarizedSourceLinesDb UsePreShipDelNoteDb UsePriceInclTax"
)

ORDER_TIMESTAMPS = ["DateEntered", "PayTermBaseDate", "PlannedDeliveryDate", "TaxIdValidatedDate", "WantedDeliveryDate"]

LINE_STRINGS = words(
    "ActivityDescription ActivityId AddrFlag Allowsendchg CancelReason CancellationReasonDescription CatalogDesc "
    "CatalogNo CatalogType ChangeRequest ChangedAttribNotInPol ChargedItem ClassificationPartNo "
    "ClassificationStandard ClassificationUnitMeas Company ConditionCode ConfigManuallyEntered ConfigurationId "
    "ConfigurationStatus ConsignmentStock Contact Contract CostLevelDb CountryCode CreateSmObjectOption "
    "CustCalendarId CustomerLevelId CustomerNo CustomerPartNo CustomerPartUnitMeas CustomerPoLineNo "
    "CustomerPoRelNo CustomersPONo DefaultAddrFlag DelTermsLocation DeliverToCustomerNo DeliveryConfirmed "
    "DeliveryCountryCode DeliveryTerms DeliveryTermsDescription DeliveryType DemandCodeDb DemandOrderRef1 "
    "DemandOrderRef2 DemandOrderRef3 DisconnectExpLic DistrictCode DockCode DopNewQtyDemand EndCustomerId "
    "EndCustomerName EvaluateDefaultInfo ExtTransportCalendarId FetchTaxCodes FetchTaxFromDefaults ForwardAgentId "
    "FreightMapId FreightPriceListNo Gtin Identity1 Identity2 Identity3 InputUnitMeas InputUnitMeasGroupId "
    "InputVariableValues InterimOrder InventoryUnitMeas JobId LineItemNumber LineNo LineNumber LocationNo "
    "NoteText OrderCode OrderNo OrderState OriginalPartNo OriginatingCoLangCode OriginatingRelNo Owner OwnerName "
    "OwningCustomerNo PackingInstructionId PartLevelId PartNo PlannedShipPeriod PreviousTaxIdNo "
    "PriceEffDateValidated PriceFreeze PriceListNo PriceSource PriceSourceId PriceUnitMeas ProgramDescription "
    "ProgramId ProjectId ProjectName PurchaseOrderNo PurchasePartNo RaisedQuestionExpLic RefId "
    "RefresshPriceSource RegionCode RelNo RelNumber ReleasePlanning RentalDb ReplicateChanges "
    "ReplicateColumnsModified RouteId SalesPriceGroupId SalesUnitMeas SendChangeRequest ShipAddrNo ShipViaCode "
    "ShipmentConnectedDb ShipmentType SmConnection Source StagedBilling SubDockCode SubProjectDescription "
    "SubProjectId SupSmContract SupSmObject SupplyCode SupplyCodeCheck SupplyCodeDb SupplySite "
    "SupplySiteInventoryUnitMeas TaxCalcStructureId TaxClassDescription TaxClassId TaxCode TaxCodeDescription "
    "TaxIdNo TaxLiability ValidatePriceEffectiveDate VendorNo ZoneId"
)

LINE_NUMBERS = words(
    "ActivitySeq AdditionalDiscount AdjustedVolume AdjustedWeightGross AdjustedWeightNet AvailableQty "
    "BaseSaleUnitPrice BaseUnitPriceInclTax BuyQtyDue CalcCharPrice CharPrice CloseTolerance "
    "CompanyBearingTaxAmountBase ConfiguredLinePriceId ContribMarginBase ConvFactor Cost CurrencyRate "
    "CustPartInvertConvFact CustWarrantyId CustomerPartBuyQty CustomerPartConvFactor CustomsValue DeliveredQty "
    "DeliveredQtySalesUom DeliveryLeadtime DeliverySequence DesiredQty Discount DiscountAmountCurr "
    "FreeOfChargeTaxBasis FreightFactor GrossAmountBase GrossAmountCurr Identity4 InputConvFactor InputQty "
    "InvertedConvFactor LineItemNo LineTotalQty Linesourced LoadId NetAmountBase NetAmountCurr NoteId "
    "OpenShipmentQty OrderDiscount OriginatingLineItemNo PartPrice PickedQty PickedQtySalesUom PickingLeadtime "
    "PreAccountingId PriceConvFactor QtyAssigned QtyConfirmeddiff QtyInvoiced QtyOnOrder QtyPicked "
    "QtyPickedAndShipped QtyReturned QtyShipdiff QtyShipped QtyShort QtyToReserve QtyToShip QtyUnreservable "
    "RevisedQtyDue SaleUnitPrice ShipmentConnectedLinesExist SuggestedPartExists SupplySiteReservedQty "
    "TaxAmountBase TaxAmountCurr TotalOrderLineDiscount UnformattedDiscount UnitPriceInclTax"
)

LINE_BOOLEANS = words(
    "AbnormalDemandDb BasicDataEdited BlockedForInvoicingDb Configurable CustomerWarranty DocumentText "
    "FreeOfChargeDb FreightFreeDb InputUomGroup IsInvoiceCreated MilestoneExists MultipleTaxLines PartExists "
    "PriceEdited PriceSourceNetPriceDb ProvisionalPriceDb RebateBuilderDb RelMtrlPlanning Rental Taxable"
)

LINE_TIMESTAMPS = words(
    "DateEntered FirstActualShipDate LatestReleaseDate PlannedDeliveryDate PlannedDueDate PlannedShipDate "
    "PriceEffectivityDate PromisedDeliveryDate RealShipDate SupplySiteDueDate TargetDate TaxIdValidatedDate "
    "WantedDeliveryDate"
)

CHARGE_STRINGS = words(
    "ChargeGroupDesc ChargePriceListNo ChargeType ChargeTypeDescription Company Contract DeliveryAddress "
    "DeliveryType FetchTaxCodes LineNo OldTaxCalcStructureId OrderNo RelNo SalesUnitMeas TaxCalcStructureId "
    "TaxClassId TaxCode TaxCodeDescription TaxLiability TaxLiabilityType"
)

CHARGE_NUMBERS = words(
    "BaseChargeAmount BaseChargeAmtInclTax CampaignId Charge ChargeAmount ChargeAmountInclTax ChargeBasisCurr "
    "ChargeCost ChargeCostPercent ChargedQty CurrencyRate DealId FreightFactor GrossAmtBase GrossAmtCurr "
    "InvoicedQty LineItemNo NetAmtBase NetAmtCurr NoteId SequenceNo ShipmentId StatisticalChargeDiff "
    "TaxAmountCurrency TotalChargeCost"
)

CHARGE_BOOLEANS = words(
    "CollectDb DocumentText IntrastatExempt MultipleTaxLines PrintChargeTypeDb PrintCollectChargeDb TaxCodeFlag "
    "TaxEdited UnitCharge"
)

VOUCHER_ROW_STRINGS = words(
    "Account AccountDesc ApprovedByUserGroup ApprovedByUserid CodeB CodeBDesc CodeC CodeCDesc CodeD CodeDDesc "
    "CodeE CodeEDesc CodeF CodeFDesc CodeG CodeGDesc CodeH CodeHDesc CodeI CodeIDesc CodeJ CodeJDesc Company "
    "CurrBalance CurrencyCode DelivTypeId EnteredByUserGroup FunctionGroup MultiCompanyId ObjectId OptionalCode "
    "ParallelCurrRateType PartyName PartyType PartyTypeId ProcessCode ProjectId ReferenceNumber ReferenceSerie "
    "SecondApprovedByUserGroup SecondApprovedByUserid TaxBookId TaxSeriesId Text TransCode TransferId UpdateError "
    "Userid VoucherType VoucherTypeReference"
)

VOUCHER_ROW_NUMBERS = words(
    "AccountingPeriod AccountingYear Amount ConversionFactor CreditAmount CurrencyAmount CurrencyCreditAmount "
    "CurrencyDebetAmount CurrencyRate DebetAmount ParallelConversionFactor ParallelCurrGrossAmount "
    "ParallelCurrTaxAmount ParallelCurrTaxBaseAmount ParallelCurrencyRate PostingCombinationId ProjectActivityId "
    "Quantity ReferenceRowNo ReferenceVersion RowNo TaxSeriesNo ThirdCurrencyAmount ThirdCurrencyCreditAmount "
    "ThirdCurrencyDebitAmount VoucherNo YearPeriodKey"
)

VOUCHER_ROW_BOOLEANS = ["AutoTaxVouEntry", "Corrected", "Correction", "IsMultiCompanyRow", "PeriodAllocation"]

VOUCHER_ROW_DATES = ["EntryDate", "SecondApprovedByDate", "VoucherDate"]
